//! The client of a build without stores: there is none.

use bytes::Bytes;

use super::{BucketClient, ObjectHeaders, S3Error, StoredObject};
use crate::config::Config;
use crate::config::recurring::ExportPlace;

impl BucketClient {
    /// Refuses every bucket.
    ///
    /// # Errors
    /// Always.
    pub fn open(_: &Config, to: &ExportPlace) -> Result<Option<Self>, S3Error> {
        match to {
            ExportPlace::Directory { .. } => Ok(None),
            ExportPlace::Bucket { .. } => Err(S3Error::Absent),
        }
    }

    /// None can be had.
    pub async fn probe(&self, _: &str) -> Result<(), S3Error> {
        match self.remote {}
    }

    /// None can be had.
    pub async fn look(&self, _: &str) -> Result<Option<StoredObject>, S3Error> {
        match self.remote {}
    }

    /// None can be had.
    pub async fn put(&self, _: &str, _: &ObjectHeaders, _: Bytes) -> Result<(), S3Error> {
        match self.remote {}
    }

    /// None can be had.
    pub async fn begin(&self, _: &str, _: &ObjectHeaders) -> Result<String, S3Error> {
        match self.remote {}
    }

    /// None can be had.
    pub async fn put_part(&self, _: &str, _: &str, _: usize, _: Bytes) -> Result<String, S3Error> {
        match self.remote {}
    }

    /// None can be had.
    pub async fn complete(&self, _: &str, _: &str, _: &[String]) -> Result<(), S3Error> {
        match self.remote {}
    }

    /// None can be had.
    pub async fn abort(&self, _: &str, _: &str) -> Result<(), S3Error> {
        match self.remote {}
    }

    /// None can be had.
    pub fn without_conditions(&self) {
        match self.remote {}
    }
}
