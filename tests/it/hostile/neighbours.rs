//! Proxies, balancers, browsers and other customers around the service.
