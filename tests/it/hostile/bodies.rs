//! Request bodies: coded, long, slow or of another shape than their path takes.
