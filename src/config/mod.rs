//! Every setting of cdrscope, in one table: name, type, default, what it does. `load` merges flags over environment over
//! file over these defaults; nobody else reads the environment.

pub mod aws;
pub mod files;
pub mod load;
pub mod recurring;
mod s3;
pub mod secrets;
pub mod value;

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use recurring::RecurringExports;
use value::{Secret, Value, words};

pub use value::{Expressions, Origin, TableName, WatchedAccounts};

words! {
    /// Unit of `acd` in the customer API.
    AcdUnit {
        /// Minutes, the seed's unit.
        Minutes = "minutes",
        /// Seconds, Yeti's unit since March 2026.
        Seconds = "seconds",
    }
}

words! {
    /// The divisor of `cps` in `totals`.
    TotalsCps {
        /// The length of one bucket.
        Bucket = "bucket",
        /// Number of buckets × their length.
        Range = "range",
    }
}

words! {
    /// First day of a week bucket.
    WeekStart {
        /// Sunday.
        Sunday = "sunday",
        /// Monday (ISO 8601).
        Monday = "monday",
    }
}

words! {
    /// The handling of a parameter that no endpoint knows.
    UnknownParams {
        /// 400, naming it.
        Reject = "reject",
        /// It is left unread, as Yeti does.
        Ignore = "ignore",
    }
}

words! {
    /// Form of the log.
    LogFormat {
        /// Lines for people.
        Text = "text",
        /// An object a line.
        Json = "json",
    }
}

words! {
    /// Form of the access log.
    AccessLog {
        /// None is kept.
        Off = "off",
        /// `name=value` pairs.
        Text = "text",
        /// An object a line.
        Json = "json",
    }
}

words! {
    /// Signature algorithm of tokens. Pinned here, never taken from a token.
    Algorithm {
        /// HMAC with SHA-256 and the shared secret.
        Hs256 = "HS256",
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        Rs256 = "RS256",
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
    }
}

words! {
    /// When a cookie is `Secure`.
    CookieSecure {
        /// Over TLS, as far as that is known.
        Auto = "auto",
        /// On every answer.
        Always = "always",
    }
}

words! {
    /// Customer and vendor of one number.
    Contractors {
        /// The same contractor, as in Yeti.
        One = "one",
        /// Two that have nothing to do with each other.
        Apart = "apart",
    }
}

/// One setting, as documentation and as a command-line flag.
#[derive(Debug)]
pub struct Setting {
    /// `section.key`.
    pub name: &'static str,
    /// The default, as text.
    pub default: &'static str,
    /// Its help text.
    pub help: &'static str,
    /// True if its type holds secrets: it has no flag, and a file can hold it.
    pub secret: bool,
}

impl Setting {
    /// The environment variable that sets it: `clickhouse.url` is `CDRSCOPE_CLICKHOUSE_URL`.
    pub fn env(&self) -> String {
        format!("CDRSCOPE_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The setting that names a file with the value of a secret.
    pub fn file(&self) -> String {
        format!("{}_file", self.name)
    }

    /// The flag that sets it, without dashes: `clickhouse.url` is `clickhouse-url`. That of a secret is only refused.
    pub fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }
}

macro_rules! settings {
    ($($(#[doc = $section_doc:literal])* $section:ident $Section:ident {
        $($key:ident: $type:ty = $default:literal, $help:literal;)+
    })+) => {
        /// All settings, checked.
        #[derive(Clone, Debug)]
        pub struct Config {
            $($(#[doc = $section_doc])* pub $section: $Section,)+
            /// The part of the environment that programs for Amazon's services share.
            pub aws: aws::AwsEnvironment,
        }

        $($(#[doc = $section_doc])*
        #[derive(Clone, Debug)]
        pub struct $Section {
            $(#[doc = $help] pub $key: $type,)+
        })+

        /// Every setting there is, in the order of the sample file.
        pub const KEYS: &[Setting] = &[
            $($(Setting {
                name: concat!(stringify!($section), ".", stringify!($key)),
                default: $default,
                help: $help,
                secret: <$type as Value>::SECRET,
            },)+)+
        ];

        impl Default for Config {
            // Defaults are constants of this file, and a test reads every one: expect cannot fail.
            fn default() -> Self {
                Self { $($section: $Section {
                    $($key: <$type as Value>::parse($default).expect("a default that reads"),)+
                },)+ aws: aws::AwsEnvironment::default() }
            }
        }

        impl Config {
            /// Sets one key from text; `None` when there is no such key.
            pub(crate) fn set(&mut self, name: &str, text: &str) -> Option<Result<(), String>> {
                match name {
                    $($(concat!(stringify!($section), ".", stringify!($key)) =>
                        Some(<$type as Value>::parse(text).map(|value| self.$section.$key = value)),)+)+
                    _ => None,
                }
            }
        }
    };
}

settings! {
    /// The web server.
    http Http {
        listen: SocketAddr = "127.0.0.1:8080", "Address and port of the API; port 0 picks a free one, which the log names.";
        operator_listen: Option<SocketAddr> = "", "Address and port of the operator's paths, and of Grafana's for the operator's tokens; empty has them at http.listen.";
        workers: usize = "0", "Worker threads; 0 is one per core.";
        tls_certificate_file: Option<PathBuf> = "", "PEM file with the certificate and its chain; with http.tls_key_file the service speaks TLS itself. Both are read anew when they change.";
        tls_key_file: Option<PathBuf> = "", "PEM file with the private key of the certificate.";
        max_connections: usize = "10000", "Open connections. One more takes the place of the one that has waited longest for a request.";
        max_connections_per_address: usize = "1000", "Open connections of one address (IPv6: one /64), likewise; behind a trusted proxy, requests under way of one forwarded address.";
        head_seconds: u32 = "10", "Longest time for the head of a request to arrive.";
        keep_alive_seconds: u32 = "75", "How long a connection stays open without a request. More than the idle time-out of a balancer in front.";
        strangers_per_second: u32 = "100", "Requests without a good token, and TLS handshakes, of one address a second; ten seconds' worth at once; its connections rest beyond that. 0 is no limit.";
        write_seconds: u32 = "20", "How long the reader of a response may take nothing; beyond that it has to take 16 KiB a second on average.";
        trusted_proxies: Vec<IpNet> = "", "Proxies whose X-Forwarded-For, X-Real-IP and X-Forwarded-Proto are believed.";
        hsts_seconds: u32 = "31536000", "max-age of Strict-Transport-Security on answers over TLS; 0 sends none.";
        temp_dir: Option<PathBuf> = "", "Folder of the temporary files of workbooks (format=xlsx); empty is the system's.";
        temp_mb: usize = "4096", "Most that they take there together, in MB.";
        body_seconds: u32 = "10", "How long the body of a request may take to arrive before it gets 408.";
        page: bool = "true", "Serve the page for people at /, and the sign-in that it needs.";
        cors_origins: Vec<Origin> = "", "Origins whose pages may call the API from a browser, such as https://portal.example.net; empty is none.";
    }
    /// The ClickHouse server.
    clickhouse ClickHouse {
        url: Option<String> = "", "HTTP interface of your server, such as http://clickhouse:8123; empty starts the embedded engine.";
        user: String = "default", "User. Reports only read: a user with readonly = 2 suffices for `serve`.";
        password: Secret = "", "Password.";
        password_file: Option<PathBuf> = "", "File that holds the password instead.";
        database: String = "cdrscope", "Database of the tables.";
    }
    /// The embedded engine.
    engine Engine {
        data_dir: PathBuf = "data", "Where the embedded engine keeps its data.";
        cache: Option<PathBuf> = "", "Folder of the fetched engine library; empty is cdrscope in the user's cache folder.";
        program: Option<PathBuf> = "", "A clickhouse binary or libchdb.so to use instead of the one found.";
    }
    /// Tokens of the customer API.
    auth Auth {
        algorithm: Algorithm = "HS256", "Algorithm of token signatures: HS256, RS256 or ES256.";
        secret: Secret = "", "Secret of HS256 signatures, 32 bytes or more.";
        secret_file: Option<PathBuf> = "", "File that holds the secret instead. Files of secrets and keys are read again when they change, and at SIGHUP.";
        secrets: Vec<Secret> = "", "Several secrets, for rotation: the first signs, all verify, and auth.secret too. None may hold a comma.";
        secrets_file: Option<PathBuf> = "", "File that holds them instead, one a line.";
        public_key_file: Option<PathBuf> = "", "PEM file with the public key of RS256 or ES256.";
        private_key_file: Option<PathBuf> = "", "PEM file with the private key; without one there is no login and no renewal.";
        public_keys: Vec<String> = "", "More public keys for rotation, as kid=file; a token that names a kid must name one of these.";
        token_ttl_seconds: u32 = "600", "How long a token from login, or a renewed cookie, lasts.";
        session_seconds: u32 = "43200", "How long renewals of a cookie go on after its login.";
        cookie_secure: CookieSecure = "auto", "Cookies are Secure: auto (over TLS, as this service or a trusted proxy knows) or always.";
        contractors: Contractors = "one", "Customer and vendor of one number: one (a contractor that is both) or apart (two; a token sees origination unless it names its sides).";
        require_exp: bool = "true", "Refuse tokens without an expiry.";
        login_attempts_per_minute: u32 = "10", "Failed logins allowed per login and per address within a minute; 0 is no limit.";
    }
    /// Tokens of the operator's own people. Without a key the operator's paths are not there.
    operator Operator {
        algorithm: Algorithm = "HS256", "Algorithm of their signatures: HS256, RS256 or ES256.";
        secret: Secret = "", "Secret of HS256 signatures, 32 bytes or more; none of those in auth.";
        secret_file: Option<PathBuf> = "", "File that holds the secret instead; it is read again when it changes, and at SIGHUP.";
        public_key_file: Option<PathBuf> = "", "PEM file with the public key of RS256 or ES256; not that of auth.";
        private_key_file: Option<PathBuf> = "", "PEM file with the private key, for cdrscope token --operator.";
    }
    /// Accounts and API access.
    accounts Accounts {
        refresh_seconds: u32 = "10", "A new, changed or deleted row of accounts or api_access counts within this time.";
        query: String = "", "Your own query in place of the table accounts: columns id, uuid, customer_id, name.";
        details_query: String = "", "What lists say of the accounts of your own query besides: columns id, side (origination, termination or both), currency_id.";
        countries_query: String = "", "Your own query in place of the table countries, names for dashboards: columns id, name, iso.";
        contractors_query: String = "", "Your own query in place of the table contractors, names of customers and vendors: columns id, name.";
        operators_query: String = "", "Your own query in place of the table operator_access: columns id, name, customer_ids, vendor_ids, may, allowed_ips.";
        access_query: String = "", "Your own query in place of the table api_access: columns id, customer_id, account_ids, allowed_ips, login, password_hash.";
        revocations_query: String = "", "Your own query in place of the table token_revocations: columns customer_id, jti, not_before.";
    }
    /// Units, calendar and causes of the measures.
    reports Reports {
        acd_unit: AcdUnit = "minutes", "Unit of acd: minutes or seconds.";
        totals_cps: TotalsCps = "bucket", "cps in totals: calls per length of one bucket, or of the whole range.";
        billed_duration: bool = "false", "total_duration from the billed duration rather than the measured one.";
        time_zone: jiff::tz::TimeZone = "UTC", "IANA time zone of hour, day, week and month buckets, and of times without one.";
        week_start: WeekStart = "sunday", "First day of a week bucket: sunday or monday.";
        ner_q850: Vec<u16> = "17,18,19,20,21", "Q.850 causes of failed calls that count as effective in NER. Where a call has a cause, it decides.";
        ner_q850_rang: Vec<u16> = "16", "Q.850 causes that count as effective only if the call rang.";
        ner_sip: Vec<u16> = "480,486,600,603", "SIP codes that count as effective in NER, for calls without a Q.850 cause.";
        ner_sip_rang: Vec<u16> = "408,487", "SIP codes that count as effective only if the call rang.";
    }
    /// Live calls.
    active_calls ActiveCalls {
        period_seconds: u32 = "60", "How often a media node posts its live calls; one silent for over three periods is left out.";
    }
    /// Where figures are read from.
    planner Planner {
        enabled: bool = "true", "Read sums by minute, quarter of an hour and hour, and calls in other orders, which cdrscope's own table keeps beside the calls; false reads every figure from the calls as they lie in it.";
    }
    /// Remembered sums.
    cache Cache {
        enabled: bool = "true", "Remember sums and answers. What is remembered is checked against the table's state before it is used.";
        size_mb: u64 = "64", "Most memory for them, in MB.";
        fresh_seconds: u32 = "1", "How old the latest look at the table's state may be when an answer relies on it.";
    }
    /// Figures for Prometheus.
    metrics Metrics {
        enabled: bool = "false", "Serve GET /metrics to Prometheus. It needs a token.";
        token: Secret = "", "Bearer token of /metrics, 16 bytes or more. It opens nothing else, and no other token opens /metrics.";
        token_file: Option<PathBuf> = "", "File that holds the token instead.";
        accounts: WatchedAccounts = "false", "Call figures of accounts too: true for every account, or a list of their UUIDs.";
        window_minutes: u32 = "5", "How many complete minutes the figures of accounts are of.";
        fresh_seconds: u32 = "15", "How old the figures of accounts may be when they are asked for again.";
        max_series: usize = "1000", "Most series of accounts, ten for each account; with more accounts there are none.";
    }
    /// Checks of rows that a switch inserted.
    checks Checks {
        enabled: bool = "true", "Look at new rows for what cannot be meant, such as durations below 0: counts, and a line of the log for each kind and hour.";
        every_seconds: u32 = "5", "How often to look for new rows.";
        max_duration_days: u32 = "3", "A call that lasts longer is odd.";
    }
    /// The logs.
    log Log {
        format: LogFormat = "text", "Form of the log on stderr: text, or json, an object a line. CDRSCOPE_LOG sets its level.";
        access: AccessLog = "off", "A line for each request: off, text or json.";
        access_file: Option<PathBuf> = "", "File for the access log instead of stderr; it may be rotated.";
        audit_file: Option<PathBuf> = "", "File for an audit log: a JSON line for each time that data of calls were given to somebody; it may be rotated.";
    }
    /// The API's manners.
    api Api {
        unknown_params: UnknownParams = "reject", "A parameter nobody knows: reject (400) or ignore.";
    }
    /// Bounds.
    limits Limits {
        max_buckets: u64 = "1000000", "Largest number of buckets in one answer.";
        max_groups: usize = "100000", "Most groups of a breakdown; more are an error, never a shorter answer.";
        max_points: u64 = "11000", "Most points of one series of a Grafana panel; longer buckets are shown in place of more.";
        max_points_per_request: u64 = "200000", "Most points of all series of one request of Grafana's.";
        max_list_values: usize = "200", "Most values in one list of a filter, such as countries or prefixes with commas.";
        query_seconds: u32 = "30", "Longest time for one query in ClickHouse.";
        requests_per_second: u32 = "500", "Requests a second for each access or grant that tokens speak for; 0 is no limit.";
        concurrent_queries: usize = "16", "Queries running in ClickHouse at once.";
        queries_per_customer: usize = "0", "Queries of one customer among them; 0 is half of them.";
        response_mb: usize = "512", "Memory for the results of large responses, from before their query until they are sent, in MB. One customer has half of it.";
        queue_seconds: u32 = "2", "How long a request waits for its turn before it gets 503.";
    }
    /// Files of raw CDRs.
    exports Exports {
        customers: bool = "true", "Customers' tokens may read the calls of their accounts one by one, unless a token says otherwise: its list may.";
        concurrent: usize = "4", "Files of raw CDRs that are written at once; they take none of limits.concurrent_queries.";
        per_customer: usize = "2", "Files of one customer among them; all of the operator's people are one.";
        max_rows: u64 = "10000000", "Most CDRs of a file; a longer one is refused, never cut.";
        seconds: u32 = "1800", "Longest time for a file, from its first byte to its last.";
        dir: Option<PathBuf> = "", "Folder for the files of exports that are asked for and fetched later, the service's own; empty switches these off.";
        jobs: usize = "2", "Exports that are written at once; all together take slots of exports.concurrent as one customer does.";
        jobs_per_customer: usize = "10", "Exports of one customer that wait or are written.";
        job_rows: u64 = "100000000", "Most CDRs of an export.";
        job_seconds: u32 = "3600", "Longest time for an export. The ClickHouse user's max_execution_time has to reach it.";
        keep_hours: u32 = "72", "How long the file of an export is kept.";
        keep_mb: u64 = "20480", "Most that all files of exports take, in MB.";
        keep_mb_per_customer: u64 = "0", "Most that those of one customer take, in MB; 0 is half of keep_mb.";
        recurring: RecurringExports = "", "Files that are made of every day, week or month: in this file as [[exports.recurring]], see docs/exports.md.";
    }
    /// The S3-compatible store of recurring files with to = "s3://…".
    s3 S3 {
        endpoint: Option<String> = "", "Its address, such as https://minio.example.net:9000; empty is Amazon's, in s3.region.";
        region: String = "", "Its region; empty is that of AWS_REGION or AWS_DEFAULT_REGION, else us-east-1.";
        path_style: bool = "true", "Name the bucket in the path, as most stores want it; false puts it in front of the host.";
        allow_http: bool = "false", "Let s3.endpoint be http:// on another machine: files of calls then travel in clear.";
        access_key_id: String = "", "Id of the key; empty is that of AWS_ACCESS_KEY_ID, else of the role that the machine or container has.";
        secret_access_key: Secret = "", "The key; with the id of AWS_ACCESS_KEY_ID it is that of AWS_SECRET_ACCESS_KEY.";
        secret_access_key_file: Option<PathBuf> = "", "File that holds the key instead.";
        request_seconds: u32 = "60", "Longest time for one request to it, the 8 MB of a part among them.";
    }
    /// Your own tables in place of cdrscope's.
    tables Tables {
        cdrs: TableName = "cdrs", "The CDR table, table or database.table.";
        cdrs_columns: Expressions = "", "Where its columns differ: column = SQL expression, separated by semicolons or line ends.";
        active_calls: TableName = "active_calls", "The table of active-call snapshots.";
        active_calls_columns: Expressions = "", "Where its columns differ, likewise.";
    }
}

impl Value for jiff::tz::TimeZone {
    fn parse(text: &str) -> Result<Self, String> {
        crate::query::zone::find(text).ok_or_else(|| "expected an IANA time zone such as Europe/Kyiv".into())
    }
}

impl Operator {
    /// True if the operator's paths are wanted.
    pub fn is_on(&self) -> bool {
        match self.algorithm {
            Algorithm::Hs256 => !self.secret.expose().is_empty() || self.secret_file.is_some(),
            Algorithm::Rs256 | Algorithm::Es256 => self.public_key_file.is_some(),
        }
    }

    /// Its keys in the form of those of customers; an expiry is always required.
    pub fn as_auth(&self) -> Auth {
        Auth {
            algorithm: self.algorithm,
            secret: self.secret.clone(),
            secret_file: self.secret_file.clone(),
            public_key_file: self.public_key_file.clone(),
            private_key_file: self.private_key_file.clone(),
            require_exp: true,
            ..Config::default().auth
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_reads() {
        let mut config = Config::default();
        for key in KEYS {
            assert_eq!(config.set(key.name, key.default), Some(Ok(())), "{}", key.name);
        }
    }

    #[test]
    fn every_secret_can_come_from_a_file() {
        for key in KEYS.iter().filter(|key| key.secret) {
            assert!(KEYS.iter().any(|file| file.name == key.file() && !file.secret), "{}", key.name);
        }
        assert!(KEYS.iter().filter(|key| key.secret).count() >= 4);
    }

    #[test]
    fn secrets_do_not_print() {
        let mut config = Config::default();
        config.auth.secret = Secret::new("s3cret");
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
