//! Formats whose columns have types of their own: Parquet and Native.

use super::{File, one};
use crate::support::{Db, db};

/// The statement's result as a file of each format.
async fn files(db: &Db, select: &str) -> [File; 2] {
    let bytes = async |format| db.admin.query_raw(select).fetch_bytes(format).unwrap().collect().await.unwrap();
    [File::new("a.parquet", bytes("Parquet").await), File::new("a.native", bytes("Native").await)]
}

const ROW: &str = "toUInt32(7) AS customer_acc_id, toDateTime('2026-01-01 10:00:00', 'UTC') AS time_start";

#[actix_web::test]
async fn unknown_columns_of_typed_files_are_listed_with_what_they_may_mean_and_strict_refuses_them() {
    let db = db().await;
    let odd = "1 AS customer_prise, 2.5 AS Duratoin, ['a'] AS list, CAST('x', 'LowCardinality(Nullable(String))') AS low, \
        map('a', 1) AS zzzz";
    for file in files(&db, &format!("SELECT {odd}, {ROW}, toDecimal64(1, 2) AS price_of_none FROM numbers(3)")).await {
        let (code, said) = file.load(&db, &["--strict"]);
        assert_eq!(code, 1, "{}: {said}", file.name);
        let unknown =
            ["customer_prise (customer_price?)", "Duratoin (duration?)", "list", "low", "zzzz", "price_of_none"];
        for part in unknown {
            assert!(said.contains(part), "{} --strict: {part}: {said}", file.name);
        }
        assert_eq!(one(&db, "count()").await, "0");
        let (code, said) = file.load(&db, &["--dry-run"]);
        assert_eq!(code, 0, "{}: {said}", file.name);
        for part in
            unknown.into_iter().chain(["not loaded, unknown columns", "--set is_last_cdr=1", "--set customer_id="])
        {
            assert!(said.contains(part), "{}: {part}: {said}", file.name);
        }
        let (code, said) = file.load(&db, &["--sample"]);
        assert!(code == 0 && said.contains("customer_prise (customer_price?)"), "{} --sample: {said}", file.name);
        let (code, said) = file.load(&db, &["--dry-run", "--strict", "--set", "is_last_cdr=1"]);
        assert_eq!(code, 1, "{}: {said}", file.name);
    }
    let tables: Vec<String> = db.admin.query_raw("SHOW TABLES LIKE 'cdrscope%load%'").fetch_all().await.unwrap();
    assert!(tables.is_empty(), "{tables:?}");
}

#[actix_web::test]
async fn typed_files_without_known_columns_or_without_time_or_account_are_refused() {
    let db = db().await;
    for (select, wanted) in [
        ("SELECT 1 AS foo, 2 AS bar", "the file has foo, bar; expected are time_start, customer_acc_id"),
        ("SELECT 1 AS id, now() AS time_start, 2 AS account", "no column customer_acc_id"),
        ("SELECT 1 AS id, toUInt32(7) AS customer_acc_id", "no column time_start"),
    ] {
        for file in files(&db, select).await {
            let (code, said) = file.load(&db, &[]);
            assert_eq!(code, 1, "{} {select}: {said}", file.name);
            assert!(said.contains(wanted), "{} {select}: {said}", file.name);
        }
    }
    assert_eq!(one(&db, "count()").await, "0");
}

#[actix_web::test]
async fn names_of_typed_files_are_known_in_any_case() {
    let db = db().await;
    let select = "SELECT toUInt32(7) AS CUSTOMER_ACC_ID, toDateTime('2026-01-01 10:00:00', 'UTC') AS Time_Start, \
        25 AS duration, toUInt64(number) AS Id FROM numbers(1, 2)";
    for file in files(&db, select).await {
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        let (code, said) = file.load(&db, &[]);
        assert_eq!(code, 0, "{}: {said}", file.name);
        let found = one(&db, "(sum(customer_acc_id), sum(duration), sum(id))").await;
        assert_eq!(found, "(14,50,3)", "{}: {said}", file.name);
    }
    // Of two that differ in case alone nobody knows which one is meant.
    for file in files(&db, &select.replace("AS Id", "AS Id, toUInt64(9) AS id")).await {
        let (code, said) = file.load(&db, &[]);
        assert_eq!(code, 1, "{}: {said}", file.name);
        assert!(said.contains("comes twice in the file"), "{}: {said}", file.name);
    }
}

/// Rows of every type that a column of calls has, many enough to be taken by the block.
const WHOLE: &str = "SELECT toUInt64(number + 1) AS id, toInt64(number % 5 + 1) AS customer_acc_id, \
    toDateTime('2026-01-01 10:00:00', 'UTC') + number AS time_start, \
    if(number % 3 = 0, NULL, toDateTime('2026-01-01 10:00:05', 'UTC') + number) AS time_connect, \
    toInt64(number % 100) AS duration, toDecimal64(number, 6) / 1000 AS customer_price, \
    toNullable(toUInt8(1)) AS is_last_cdr, concat('380', toString(number)) AS src_prefix_in, '' AS dst_prefix_in, \
    CAST(if(number % 2 = 0, 'Bye', 'Cancel'), 'LowCardinality(String)') AS internal_disconnect_reason, \
    if(number % 4 = 0, NULL, number / 8) AS destination_fee FROM numbers(50000)";

#[actix_web::test]
async fn blocks_that_need_no_change_are_stored_as_the_engine_stores_them() {
    let columns = "id, customer_acc_id, time_start, time_connect, duration, customer_price, is_last_cdr, \
        src_prefix_in, dst_prefix_in, internal_disconnect_reason, destination_fee";
    let db = db().await;
    for file in files(&db, WHOLE).await {
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        db.admin.query_raw(&format!("INSERT INTO cdrs ({columns}) {WHOLE}")).execute().await.unwrap();
        let digest = format!("(count(), groupBitXor(cityHash64(toString(tuple({columns})))), sum(customer_price))");
        let wanted = one(&db, &digest).await;
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        let (code, said) = file.load(&db, &["--set", "customer_id=5"]);
        assert_eq!((code, one(&db, &digest).await), (0, wanted.clone()), "{}: {said}", file.name);
        assert_eq!(one(&db, "uniqExact(customer_id) + any(customer_id)").await, "6", "{}", file.name);
        assert!(said.contains("50000 rows read, 50000 stored"), "{}: {said}", file.name);
        // Again, and with some of the rows gone.
        db.admin
            .query_raw("ALTER TABLE cdrs DELETE WHERE id % 10 = 0 SETTINGS mutations_sync = 2")
            .execute()
            .await
            .unwrap();
        let (code, said) = file.load(&db, &["--set", "customer_id=5"]);
        assert_eq!((code, one(&db, &digest).await), (0, wanted), "{}: {said}", file.name);
        assert!(said.contains("5000 stored, 45000 already there"), "{}: {said}", file.name);
    }
}

#[actix_web::test]
async fn bad_rows_of_a_large_typed_file_are_rejected_with_their_line_and_text_and_all_others_stored() {
    let db = db().await;
    let select = WHOLE
        .replace("toInt64(number % 100) AS duration", "if(number = 30000, 136298900000, number % 100) AS duration")
        .replace("concat('380', toString(number))", "if(number = 7, '\\xff', '380')")
        .replace("AS time_start,", "- if(number = 40000, 1767261600 + 40000, 0) AS time_start,");
    for file in files(&db, &select).await {
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        let (code, said) = file.load(&db, &[]);
        assert_eq!(code, 3, "{}: {said}", file.name);
        assert!(said.contains("50000 rows read, 49997 stored, 0 already there, 3 rejected"), "{}: {said}", file.name);
        for part in ["duration: out of range, which is -2147483648 to 2147483647", "not UTF-8", "time_start: no date"] {
            assert!(said.contains(part), "{}: {part}: {said}", file.name);
        }
        let rejects = std::fs::read(file.path().with_file_name(format!("{}.rejects.csv", file.name))).unwrap();
        let rejects = String::from_utf8_lossy(&rejects).into_owned();
        for begin in ["\n8,,not UTF-8,", "\n30001,duration,", "\n40001,time_start,"] {
            assert!(rejects.contains(begin), "{}: {begin}: {rejects}", file.name);
        }
        assert_eq!(one(&db, "(count(), uniqExact(id))").await, "(49997,49997)", "{}", file.name);
    }
}

#[actix_web::test]
async fn a_damaged_parquet_file_is_told_of_in_one_sentence() {
    let db = db().await;
    let rows = "SELECT number + 1 AS id, toUInt32(7) AS customer_acc_id, toDateTime('2026-01-01 10:00:00', 'UTC') AS time_start \
        FROM numbers(1000)";
    let whole = db.admin.query_raw(rows).fetch_bytes("Parquet").unwrap().collect().await.unwrap();
    let mut footer = whole.to_vec();
    // Its length stands before the last four bytes.
    let end = footer.len() - 8;
    let length = u32::from_le_bytes(footer[end..end + 4].try_into().unwrap()) as usize;
    footer[end - length..end - length + 40].fill(0xff);
    let (code, said) = File::new("a.parquet", footer).load(&db, &[]);
    assert!(code == 1 && said.contains("is damaged, or of another kind than its name says: "), "{said}");
    assert!(!said.contains("DB::Exception") && !said.contains("Code: "), "{said}");
}
