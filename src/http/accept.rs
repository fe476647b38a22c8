//! The choice of a format by the header `Accept` (RFC 9110, 12.5.1).

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, Accept, Header as _, Quality};

use crate::report::form::{FormatRow, ResultFormat};

/// The format, among these, that a request likes best: of several the first. The first of all without the header, and where it does
/// not read; `None` where the header takes none of them.
pub fn choose(request: &HttpRequest, among: impl Iterator<Item = &'static FormatRow>) -> Option<ResultFormat> {
    let mut among = among.peekable();
    let usual = among.peek().map(|row| row.format);
    if !request.headers().contains_key(ACCEPT) {
        return usual;
    }
    let Ok(accept) = Accept::parse(request) else { return usual };
    if accept.is_empty() {
        return usual;
    }
    let mut best = None;
    for row in among {
        // A name that is in the header says more than one that a `*` stands for.
        let liked = row.media_types.iter().filter_map(|name| liking(&accept, name)).max();
        let liked = liked.map_or(Quality::ZERO, |(_, quality)| quality);
        if liked > best.map_or(Quality::ZERO, |(liked, _)| liked) {
            best = Some((liked, row.format));
        }
    }
    best.map(|(_, format)| format)
}

/// The closeness of the closest range that fits a media type, and its weight; `None` where none fits.
fn liking(accept: &Accept, name: &str) -> Option<(u8, Quality)> {
    let (kind, subtype) = name.split_once('/')?;
    let fits = accept.iter().filter_map(|one| {
        let range = &one.item;
        // A suffix is part of the name: `application/vnd.api+json`.
        let own = range.essence_str().split_once('/').map_or("", |(_, own)| own);
        let closeness = match (range.type_().as_str(), own) {
            ("*", "*") => 0_u8,
            (own, "*") if own == kind => 1,
            (own_kind, own) if own_kind == kind && own == subtype => 2,
            _ => return None,
        };
        Some((closeness, one.quality))
    });
    // Of equal ranges the one that is liked more.
    fits.max()
}

/// The media types that `Accept` can name, with commas.
pub fn list(among: impl Iterator<Item = &'static FormatRow>) -> String {
    let names: Vec<&str> = among.filter_map(|row| row.media_types.first().copied()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::report::form::FORMATS;

    fn chosen(accept: &[&str]) -> Option<ResultFormat> {
        let request = accept.iter().fold(TestRequest::default(), |request, one| request.append_header((ACCEPT, *one)));
        choose(&request.to_http_request(), FORMATS.iter())
    }

    #[test]
    fn the_closest_range_decides_and_of_equal_ones_the_order_of_the_catalogue() {
        use ResultFormat::{Arrow, Columns, Csv, Ndjson, Xlsx};
        for (accept, wanted) in [
            (&[][..], Some(Columns)),
            (&[""], Some(Columns)),
            (&["x"], Some(Columns)),
            (&["*/*"], Some(Columns)),
            (&["application/json"], Some(Columns)),
            (&["application/json;charset=utf-8"], Some(Columns)),
            (&["application/vnd.api+json"], Some(Columns)),
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], Some(Columns)),
            (&["text/csv"], Some(Csv)),
            (&["TEXT/CSV; header=present"], Some(Csv)),
            (&["text/*, application/json;q=0.5"], Some(Csv)),
            (&["text/*, text/json;q=0"], Some(Csv)),
            (&["application/json;q=0.5, text/csv;q=0.501"], Some(Csv)),
            (&["application/json;q=0, */*;q=0.1"], Some(Ndjson)),
            (&["application/*;q=0.9, application/json;q=0.1"], Some(Ndjson)),
            (&["*/*, application/json;q=0.1"], Some(Ndjson)),
            (&["application/json;q=0, text/json;q=0, application/vnd.api+json;q=0, */*;q=0.1"], Some(Ndjson)),
            (&["text/csv;q=0.2", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"], Some(Xlsx)),
            (&["application/vnd.apache.arrow.file, */*;q=0.1"], Some(Arrow)),
            (&["text/csv, application/json"], Some(Columns)),
            (&["text/html"], None),
            (&["text/csv;q=0"], None),
            (&["image/*, audio/ogg"], None),
        ] {
            assert_eq!(chosen(accept), wanted, "{accept:?}");
        }
    }

    #[test]
    fn the_list_names_one_media_type_a_format() {
        let json_and_csv = [ResultFormat::Columns, ResultFormat::Rows, ResultFormat::Csv].map(ResultFormat::row);
        assert_eq!(list(json_and_csv.into_iter()), "application/json, text/csv");
    }
}
