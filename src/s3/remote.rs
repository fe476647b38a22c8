//! The client of a bucket: requests of `object_store`, over connections of our own.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use hyper::Uri;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, BackoffConfig, GetOptions, ObjectStore as _, PutMultipartOptions, PutOptions, RetryConfig,
};

use super::transport::Transport;
use super::{BucketClient, LONGEST_ID, ObjectHeaders, S3Error, StoredObject};
use crate::config::recurring::ExportPlace;
use crate::config::value::Secret;
use crate::config::{Config, S3};
use crate::shown::Cause;

/// Further tries of a request that a store could not take at the moment.
const TRIES: usize = 2;

/// The name under which an object's SHA-256 is noted there.
const SHA256: &str = "sha256";

/// Variables of the environment that name a role, and the settings of `object_store` for them.
const ROLES: [(&str, AmazonS3ConfigKey); 7] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", AmazonS3ConfigKey::MetadataEndpoint),
];

/// A bucket, and the beginning of the names in it.
#[derive(Debug)]
pub(super) struct RemoteBucket {
    store: AmazonS3,
    transport: Transport,
    prefix: String,
}

impl BucketClient {
    /// A client of the bucket of a place; `None` for a directory. It sends nothing yet.
    ///
    /// # Errors
    /// The settings name no store.
    pub fn open(config: &Config, to: &ExportPlace) -> Result<Option<Self>, S3Error> {
        let ExportPlace::Bucket { bucket, prefix } = to else { return Ok(None) };
        let limit = Duration::from_secs(config.s3.request_seconds.into());
        let transport = Transport::new(limit, secrets(config))?;
        let builder = keys(AmazonS3Builder::new(), config)
            .with_bucket_name(bucket)
            .with_region(region(config))
            .with_virtual_hosted_style_request(!config.s3.path_style)
            .with_http_connector(transport.clone())
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: Duration::from_millis(200),
                    max_backoff: Duration::from_secs(5),
                    base: 3.0,
                },
                max_retries: TRIES,
                // One that has not answered is not asked again.
                retry_timeout: limit.mul_f32(0.9),
            });
        let builder = match endpoint(&config.s3, bucket)? {
            Some(endpoint) => builder.with_endpoint(endpoint),
            None => builder,
        };
        // The builder is gone with a panic, and nothing else has seen it.
        let built = panic::catch_unwind(AssertUnwindSafe(|| builder.build())).or(Err(S3Error::Broken))?;
        let store = built.map_err(|error| S3Error::Odd(Cause(&error).to_string()))?;
        Ok(Some(Self { remote: RemoteBucket { store, transport, prefix: prefix.clone() } }))
    }

    /// Begins an upload of that name and gives it up: nothing stays of it. It fails where a file would.
    ///
    /// # Errors
    /// The store's.
    pub async fn probe(&self, name: &str) -> Result<(), S3Error> {
        let headers = ObjectHeaders { content_type: "text/plain".to_owned(), disposition: None, sha256: String::new() };
        let id = self.begin(name, &headers).await?;
        self.abort(name, &id).await
    }

    /// The object of that name, if there is one.
    ///
    /// # Errors
    /// The store's.
    pub async fn look(&self, name: &str) -> Result<Option<StoredObject>, S3Error> {
        let key = self.key(name)?;
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.told(self.remote.store.get_opts(&key, options)).await {
            Ok(found) => {
                let sha256 = found.attributes.get(&Attribute::Metadata(SHA256.into()));
                let sha256 = sha256.map(|value| value.as_ref().to_owned());
                Ok(Some(StoredObject { sha256, length: found.meta.size }))
            }
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a whole object there, if nothing has its name.
    ///
    /// # Errors
    /// The store's; a name that is taken is one.
    pub async fn put(&self, name: &str, headers: &ObjectHeaders, bytes: Bytes) -> Result<(), S3Error> {
        let key = self.key(name)?;
        let options = PutOptions { attributes: attributes(headers), ..PutOptions::default() };
        self.told(self.remote.store.put_opts(&key, bytes.into(), options)).await.map(drop)
    }

    /// Begins an upload in parts; gives its id.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin(&self, name: &str, headers: &ObjectHeaders) -> Result<String, S3Error> {
        let key = self.key(name)?;
        let options = PutMultipartOptions { attributes: attributes(headers), ..PutMultipartOptions::default() };
        let id = self.told(self.remote.store.create_multipart_opts(&key, options)).await?;
        match id.len() {
            1..=LONGEST_ID => Ok(id),
            length => Err(S3Error::Odd(format!("the id of an upload is {length} bytes long"))),
        }
    }

    /// Sends a part, counted from 0; gives the store's name of it.
    ///
    /// # Errors
    /// The store's.
    pub async fn put_part(&self, name: &str, id: &str, number: usize, bytes: Bytes) -> Result<String, S3Error> {
        let (key, id) = (self.key(name)?, id.to_owned());
        self.told(self.remote.store.put_part(&key, &id, number, bytes.into())).await.map(|part| part.content_id)
    }

    /// Makes an object of the parts, if nothing has its name.
    ///
    /// # Errors
    /// The store's; a name that is taken is one.
    pub async fn complete(&self, name: &str, id: &str, parts: &[String]) -> Result<(), S3Error> {
        let (key, id) = (self.key(name)?, id.to_owned());
        let parts = parts.iter().map(|part| PartId { content_id: part.clone() }).collect();
        self.told(self.remote.store.complete_multipart(&key, &id, parts)).await.map(drop)
    }

    /// Gives an upload up, with its parts. One that is not there any more is no error.
    ///
    /// # Errors
    /// The store's.
    pub async fn abort(&self, name: &str, id: &str) -> Result<(), S3Error> {
        let (key, id) = (self.key(name)?, id.to_owned());
        match self.told(self.remote.store.abort_multipart(&key, &id)).await {
            Err(error) if error.is_absent() => Ok(()),
            done => done,
        }
    }

    /// Leaves out from now on that a name must not be taken: the store does not know such requests.
    pub fn without_conditions(&self) {
        self.remote.transport.without_conditions();
    }

    fn key(&self, name: &str) -> Result<Path, S3Error> {
        let text = match self.remote.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        Path::parse(text).map_err(|error| S3Error::Odd(error.to_string()))
    }

    /// Does a request, whose failure is told in the words of what was last seen on the way to the store. `object_store` panics at
    /// values that make no header or address: that fails this request alone.
    async fn told<T>(&self, request: impl Future<Output = object_store::Result<T>>) -> Result<T, S3Error> {
        let transport = &self.remote.transport;
        transport.forget();
        // A request that panicked is not polled again. What outlives it is connections, the last failure, which is read from a
        // poisoned lock too, and a cache of the role's keys behind a lock that knows no poison.
        let Ok(done) = AssertUnwindSafe(request).catch_unwind().await else { return Err(S3Error::Broken) };
        done.map_err(|error| {
            transport.last_failure().unwrap_or_else(|| S3Error::Odd(transport.hidden(Cause(&error).to_string())))
        })
    }
}

fn attributes(headers: &ObjectHeaders) -> Attributes {
    let mut attributes = Attributes::new();
    let _ = attributes.insert(Attribute::ContentType, headers.content_type.clone().into());
    if let Some(disposition) = &headers.disposition {
        let _ = attributes.insert(Attribute::ContentDisposition, disposition.clone().into());
    }
    if !headers.sha256.is_empty() {
        let _ = attributes.insert(Attribute::Metadata(SHA256.into()), headers.sha256.clone().into());
    }
    attributes
}

fn region(config: &Config) -> &str {
    let own = Some(config.s3.region.as_str()).filter(|region| !region.is_empty());
    let common = || config.aws.get("AWS_REGION").or_else(|| config.aws.get("AWS_DEFAULT_REGION"));
    own.or_else(common).unwrap_or("us-east-1")
}

/// The address of the store, with the bucket in front of its host if that is wanted.
fn endpoint(s3: &S3, bucket: &str) -> Result<Option<String>, S3Error> {
    let Some(endpoint) = &s3.endpoint else { return Ok(None) };
    let endpoint = endpoint.trim_end_matches('/');
    let address = match (s3.path_style, endpoint.split_once("://")) {
        (false, Some((scheme, rest))) => format!("{scheme}://{bucket}.{rest}"),
        _ => endpoint.to_owned(),
    };
    // The client panics at an address that does not read.
    match address.parse::<Uri>() {
        Ok(uri) if uri.authority().is_some() => Ok(Some(address)),
        _ => Err(S3Error::Odd(format!("s3.endpoint: {address} is no address"))),
    }
}

/// The keys of the settings, else those of the environment, else a role.
fn keys(builder: AmazonS3Builder, config: &Config) -> AmazonS3Builder {
    let own = (config.s3.access_key_id.as_str(), config.s3.secret_access_key.expose());
    if !own.0.is_empty() {
        return builder.with_access_key_id(own.0).with_secret_access_key(own.1);
    }
    let aws = &config.aws;
    if let (Some(id), Some(key)) = (aws.get("AWS_ACCESS_KEY_ID"), aws.get("AWS_SECRET_ACCESS_KEY")) {
        let builder = builder.with_access_key_id(id).with_secret_access_key(key);
        return match aws.get("AWS_SESSION_TOKEN") {
            Some(token) => builder.with_token(token),
            None => builder,
        };
    }
    let named = ROLES.into_iter().filter_map(|(name, key)| Some((key, aws.get(name)?)));
    named.fold(builder, |builder, (key, value)| builder.with_config(key, value))
}

/// Texts that no message may hold, whatever a store answers.
fn secrets(config: &Config) -> Arc<[Secret]> {
    let common = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(|name| config.aws.get(name));
    let all = common.into_iter().flatten().chain([config.s3.secret_access_key.expose()]);
    all.filter(|secret| !secret.is_empty()).map(Secret::new).collect()
}
