//! Clients of the reports' user: one a thread, made again when the way to the server has changed.

use std::cell::RefCell;
use std::sync::Arc;

use clickhouse::Client;
use thread_local::ThreadLocal;

/// Bytes of an answer that the engine keeps in memory until its end; what is beyond that lies on its disk.
const BUFFER: &str = "4194304";

/// Makes clients with connections of their own; every `Fn() -> Client` does.
pub trait Clients: Send + Sync + 'static {
    /// A client.
    fn client(&self) -> Client;

    /// A number that grows when earlier clients are of no use any more: at each start of the embedded engine.
    fn generation(&self) -> u64 {
        0
    }
}

impl<F: Fn() -> Client + Send + Sync + 'static> Clients for F {
    fn client(&self) -> Client {
        self()
    }
}

/// One client for each thread, and the generation it is of. A client's connection is driven by the thread that opened it,
/// and an answer to another thread waits for both to wake up.
pub(super) struct PerThread {
    source: Box<dyn Clients>,
    seconds: String,
    made: ThreadLocal<RefCell<Option<ClientOfGeneration>>>,
}

/// A client and its generation.
struct ClientOfGeneration {
    generation: u64,
    client: Arc<Client>,
}

impl PerThread {
    /// Clients of `source` whose queries may take `seconds` seconds.
    pub(super) fn new(source: impl Clients, seconds: u32) -> Self {
        Self { source: Box::new(source), seconds: seconds.to_string(), made: ThreadLocal::new() }
    }

    /// This thread's client. The first call of a thread makes it, which reads the system's certificates.
    pub(super) fn get(&self) -> Arc<Client> {
        // Before the client is made: one that changes meanwhile is made once more.
        let generation = self.source.generation();
        let mut made = self.made.get_or_default().borrow_mut();
        match &*made {
            Some(made) if made.generation == generation => Arc::clone(&made.client),
            _ => {
                let client = Arc::new(self.limited(self.source.client()));
                *made = Some(ClientOfGeneration { generation, client: Arc::clone(&client) });
                client
            }
        }
    }

    fn limited(&self, client: Client) -> Client {
        client
            // Answers are small or travel over loopback; the engine would spend longer compressing than sending.
            .with_compression(clickhouse::Compression::None)
            .with_validation(false)
            .with_setting("max_execution_time", &self.seconds)
            // An error after the first row then still has its own status.
            .with_setting("wait_end_of_query", "1")
            // Without room in memory it waits in a temporary file, which costs 0.3 ms.
            .with_setting("buffer_size", BUFFER)
            .with_setting("cancel_http_readonly_queries_on_client_close", "1")
    }
}
