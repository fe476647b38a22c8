//! The ceiling for warm answers: an Actix handler that checks an HS256 token and sends a body it has ready, and nothing else.
//! It runs in a process of its own, as the service does.

use std::io::{Read, Write};

use actix_web::http::header::AUTHORIZATION;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::Result;
use crate::process::SAYS;

/// The word that makes this program the bare handler.
pub const WORD: &str = "bare";
/// Environment variable: the secret of tokens.
pub const SECRET: &str = "BENCH_BARE_SECRET";
/// Environment variable: file of the body at `/body`.
pub const BODY: &str = "BENCH_BARE_BODY";
/// Environment variable: file of the body at `/small`.
pub const SMALL: &str = "BENCH_BARE_SMALL";

struct Ready {
    key: DecodingKey,
    validation: Validation,
    body: Bytes,
    small: Bytes,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "sub")]
    _sub: String,
}

impl Ready {
    fn accepts(&self, request: &HttpRequest) -> bool {
        let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        token.is_some_and(|token| jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).is_ok())
    }
}

/// Serves until standard input ends.
pub fn serve() -> Result<()> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["customer-v1"]);
    let read = |name: &str| Ok::<_, crate::Error>(Bytes::from(std::fs::read(std::env::var(name)?)?));
    let key = DecodingKey::from_secret(std::env::var(SECRET)?.as_bytes());
    let ready = web::Data::new(Ready { key, validation, body: read(BODY)?, small: read(SMALL)? });
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    actix_web::rt::System::new().block_on(async move {
        let app = move || {
            App::new()
                .app_data(ready.clone())
                .route("/body", web::get().to(|request, ready| answer(request, ready, |ready| &ready.body)))
                .route("/small", web::get().to(|request, ready| answer(request, ready, |ready| &ready.small)))
        };
        let server = HttpServer::new(app).bind(("127.0.0.1", 0))?;
        let address = server.addrs().first().copied().ok_or("no address")?;
        writeln!(std::io::stderr(), "{SAYS}{address}")?;
        Ok(server.run().await?)
    })
}

async fn answer(request: HttpRequest, ready: web::Data<Ready>, body: fn(&Ready) -> &Bytes) -> HttpResponse {
    if ready.accepts(&request) {
        HttpResponse::Ok().content_type("application/json; charset=utf-8").body(body(&ready).clone())
    } else {
        HttpResponse::Unauthorized().finish()
    }
}
