//! The engine's two settings files. Passwords stand in them only as hashes, and on no command line.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::home::{settings_path, users_path, write_private};
use super::{EngineError, Login};

/// Writes `engine.xml` and `users.xml`.
pub(super) fn write(dir: &Path, port: u16, admin: &Login, reader: &Login) -> Result<(), EngineError> {
    let users = users_path(dir);
    let Some(users_text) = users.to_str() else {
        return Err(EngineError::NotText { path: users });
    };
    write_private(&users, &users_xml(admin, reader))?;
    write_private(&settings_path(dir), &engine_xml(port, users_text, admin, reader))
}

/// - Each listener's request comes from the loopback address, and so does the session that opens the listener: the
///   engine signs it in as `default` with an empty password, and no setting changes that. So `default` cannot be
///   closed by password or network. The HTTP rule closes it: a request that does not name one of our two users in
///   `X-ClickHouse-User` finds no handler, and ClickHouse refuses a second name given in any other way. The names cannot
///   be guessed.
/// - The log level is read from `log-level` alone; at `warning` the engine repeats itself every second.
/// - The pool of two threads that `clickhouse local` has by default delays the merges of a busy table.
fn engine_xml(port: u16, users_path: &str, admin: &Login, reader: &Login) -> String {
    let users_path = escape(users_path);
    let (admin, reader) = (&admin.user, &reader.user);
    format!(
        "<clickhouse>
    <logger><console>1</console></logger>
    <log-level>error</log-level>
    <listen_host>127.0.0.1</listen_host>
    <http_port>{port}</http_port>
    <http_handlers>
        <rule>
            <headers><X-ClickHouse-User>regex:({admin}|{reader})</X-ClickHouse-User></headers>
            <handler><type>dynamic_query_handler</type><query_param_name>query</query_param_name></handler>
        </rule>
    </http_handlers>
    <users_config>{users_path}</users_config>
    <access_control_improvements>
        <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
        <select_from_information_schema_requires_grant>true</select_from_information_schema_requires_grant>
    </access_control_improvements>
    <max_server_memory_usage_to_ram_ratio>0.6</max_server_memory_usage_to_ram_ratio>
    <cache_size_to_ram_max_ratio>0.1</cache_size_to_ram_max_ratio>
    <mark_cache_size>268435456</mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <background_schedule_pool_size>16</background_schedule_pool_size>
</clickhouse>
"
    )
}

/// - `reader` has `readonly = 2`: with 1 it could not set limits for its queries. The minimum of 1 matters, since 0
///   means no limit at all.
/// - `default` is the session that opens the listener and reads the pipe; it may do that and no more.
/// - The profiler's signals only cost time here: no log keeps its samples.
fn users_xml(admin: &Login, reader: &Login) -> String {
    let (admin_name, admin_hash) = (&admin.user, hash(&admin.password));
    let (reader_name, reader_hash) = (&reader.user, hash(&reader.password));
    format!(
        "<clickhouse>
    <profiles>
        <default>
            <query_profiler_real_time_period_ns>0</query_profiler_real_time_period_ns>
            <query_profiler_cpu_time_period_ns>0</query_profiler_cpu_time_period_ns>
            <allow_introspection_functions>0</allow_introspection_functions>
        </default>
        <reports>
            <readonly>2</readonly>
            <max_execution_time>60</max_execution_time>
            <max_memory_usage>4294967296</max_memory_usage>
            <constraints>
                <readonly><const/></readonly>
                <max_execution_time><min>1</min><max>3600</max></max_execution_time>
                <max_memory_usage><min>1048576</min><max>4294967296</max></max_memory_usage>
            </constraints>
        </reports>
    </profiles>
    <quotas><default/></quotas>
    <users>
        <default>
            <password></password>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <grants><query>GRANT SYSTEM LISTEN, FILE, CREATE TEMPORARY TABLE ON *.*</query></grants>
        </default>
        <{admin_name}>
            <password_sha256_hex>{admin_hash}</password_sha256_hex>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
        </{admin_name}>
        <{reader_name}>
            <password_sha256_hex>{reader_hash}</password_sha256_hex>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>reports</profile>
            <quota>default</quota>
            <grants>
                <query>GRANT SELECT, SHOW, dictGet ON *.*</query>
                <query>REVOKE SELECT ON system.*</query>
                <query>GRANT SELECT ON system.parts</query>
                <query>GRANT SELECT ON system.tables</query>
                <query>GRANT SELECT ON system.columns</query>
            </grants>
        </{reader_name}>
    </users>
</clickhouse>
"
    )
}

fn hash(password: &str) -> String {
    Sha256::digest(password).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_stands_in_the_files() {
        let (admin, reader) = (Login::generate("admin"), Login::generate("reader"));
        let text = users_xml(&admin, &reader) + &engine_xml(1, "users.xml", &admin, &reader);
        assert!(!text.contains(&admin.password) && !text.contains(&reader.password));
        assert!(text.contains(&hash(&admin.password)) && text.contains(&hash(&reader.password)));
    }

    #[test]
    fn a_path_cannot_become_markup() {
        assert_eq!(escape("a & <b>"), "a &amp; &lt;b&gt;");
    }
}
