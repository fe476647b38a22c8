//! One engine for the whole test program, a database of its own for each test, and the service over it on a free port.

pub mod app;
pub mod http;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cdrscope::embedded::{EmbeddedEngine, EngineOptions, Login};
use cdrscope::migrate::migrate;
use cdrscope::store;
use clickhouse::Client;
use tokio::sync::OnceCell;

pub use app::TestApp;
pub use http::Reply;

/// The options of an engine in `data_dir`, started by the binary under test.
pub fn engine_options(data_dir: PathBuf) -> EngineOptions {
    EngineOptions {
        data_dir,
        program: std::env::var_os("CDRSCOPE_TEST_ENGINE").map(PathBuf::from),
        cache: None,
        launcher: env!("CARGO_BIN_EXE_cdrscope").into(),
        timezone: None,
    }
}

/// The engine that all tests share. It stops when the test program ends, since its pipe closes then.
pub fn engine() -> &'static EmbeddedEngine {
    static ENGINE: OnceLock<EmbeddedEngine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let base = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        clear_old(&base);
        let dir = base.join(format!("engine-{}", std::process::id()));
        // The caller may be inside a runtime, which must not be blocked by a second one on the same thread.
        let start = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(EmbeddedEngine::start(engine_options(dir))).unwrap()
        };
        std::thread::spawn(start).join().unwrap()
    })
}

/// Removes what test programs that have ended left behind.
fn clear_old(base: &std::path::Path) {
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let gone = |pid: &str| !PathBuf::from("/proc").join(pid).exists();
        if name.strip_prefix("engine-").is_some_and(gone) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// A database of one test.
pub struct Db {
    /// An administrator's client with the database set.
    pub admin: Client,
    /// A client with the rights that the service has.
    pub reader: Client,
    /// Its name.
    pub database: String,
}

/// A fresh database with the schema in it.
pub async fn db() -> Db {
    let db = Db::named(engine());
    run(&db.admin.clone().with_database("default"), &format!("CREATE DATABASE {}", db.database)).await;
    for (table, create) in template().await {
        run(&db.admin, &create.replacen(&format!(" {TEMPLATE}.{table}"), &format!(" {}.{table}", db.database), 1))
            .await;
    }
    run(&db.admin, &format!("INSERT INTO schema_migrations SELECT * FROM {TEMPLATE}.schema_migrations")).await;
    db
}

/// A fresh database of an engine of the test's own.
pub async fn db_on(engine: &EmbeddedEngine) -> Db {
    let db = Db::named(engine);
    migrate(&db.admin, &db.database).await.unwrap();
    db
}

/// The database that [`db`] copies.
const TEMPLATE: &str = "template";

/// The names and statements of the schema's tables as they are after every step: to run the steps takes several times as
/// long, and each test needs tables. That steps lead there is for the tests of `migrate` to show.
async fn template() -> &'static [(String, String)] {
    static TABLES: OnceCell<Vec<(String, String)>> = OnceCell::const_new();
    TABLES
        .get_or_init(|| async {
            let login = engine().admin();
            let client = store::client(engine().url(), &login.user, &login.password);
            migrate(&client, TEMPLATE).await.unwrap();
            let tables = client
                .query("SELECT name, create_table_query FROM system.tables WHERE database = ?")
                .bind(TEMPLATE)
                .fetch_all()
                .await;
            tables.unwrap()
        })
        .await
}

async fn run(client: &Client, sql: &str) {
    client.query(&sql.replace('?', "??")).execute().await.unwrap();
}

impl Db {
    /// The clients of a database that is yet to be made.
    fn named(engine: &EmbeddedEngine) -> Self {
        let database = format!("t_{}", uuid::Uuid::new_v4().simple());
        let client = |login: &Login| store::client(engine.url(), &login.user, &login.password).with_database(&database);
        Self { admin: client(engine.admin()), reader: client(engine.reader()), database }
    }
}

/// An administrator's client of a database that is there already.
pub fn admin(database: &str) -> Client {
    let login = engine().admin();
    store::client(engine().url(), &login.user, &login.password).with_database(database)
}

/// Inserts JSON lines as the sender of CDRs does.
pub async fn insert(client: &Client, table: &str, lines: &str) {
    let mut insert = client.insert_formatted_with(format!("INSERT INTO {table} FORMAT JSONEachRow"));
    insert.send(bytes::Bytes::copy_from_slice(lines.as_bytes())).await.unwrap();
    insert.end().await.unwrap();
}

/// Waits for what `probe` gives.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(Instant::now() < deadline, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
