//! The document as HTML: what it says, and a form for each operation that sends the request. Reads well without its script.

use std::fmt::{Display, Formatter, Result, Write as _};

use serde_json::{Map, Value};

/// The whole page.
pub fn html(document: &Value) -> String {
    let mut out = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>cdrscope API</title><link rel=\"stylesheet\" href=\"docs/page.css\">\
         <script src=\"docs/answer.js\" defer></script><script src=\"docs/page.js\" defer></script>",
    );
    // Writing to a String cannot fail.
    let _ = write(&mut out, document);
    out
}

fn write(out: &mut String, document: &Value) -> Result {
    let info = &document["info"];
    write!(out, "<header><h1>{} <small>{}</small></h1>", text(&info["title"]), text(&info["version"]))?;
    write!(out, "{}", Prose(str(&info["description"])))?;
    out.push_str(
        "<p><label>Token <input id=\"token\" autocomplete=\"off\" spellcheck=\"false\" \
         placeholder=\"kept in this tab; empty uses the session of the page\"></label> \
         <span id=\"found\" role=\"status\"></span> <a href=\"openapi.json\">openapi.json</a></p><svg id=\"drawing\" hidden></svg></header><main>",
    );
    for tag in list(&document["tags"]) {
        write!(out, "<h2>{}</h2><p>{}</p>", text(&tag["name"]), Marked(str(&tag["description"])))?;
        for (path, item) in entries(&document["paths"]) {
            for (method, operation) in entries(item) {
                // HEAD is GET without the body.
                if method != "head" && list(&operation["tags"]).contains(&tag["name"]) {
                    self::operation(out, document, path, method, item, operation)?;
                }
            }
        }
    }
    out.push_str("</main>");
    Ok(())
}

fn operation(out: &mut String, document: &Value, path: &str, method: &str, item: &Value, operation: &Value) -> Result {
    let (id, method) = (text(&operation["operationId"]), method.to_uppercase());
    write!(
        out,
        "<details id=\"{id}\"><summary><b>{method}</b> <code>{}</code> <span>{}</span></summary>",
        Text(path),
        Marked(str(&operation["summary"]))
    )?;
    write!(out, "{}", Prose(str(&operation["description"])))?;
    // An empty list is open to all; without one the document's own holds.
    let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
    let open = if is_open { "" } else { " data-token" };
    write!(out, "<form data-method=\"{method}\" data-path=\"{}\"{open}>", Text(path))?;
    let example_query = str(&operation["x-example-query"]);
    let all = list(&item["parameters"]).iter().chain(list(&operation["parameters"]));
    // Those that an answer needs, and those of the example, stand above the button; the rest is folded.
    let (first, rest): (Vec<_>, Vec<_>) = all
        .map(|parameter| resolved(document, parameter))
        .partition(|parameter| parameter["required"] == true || is_in_query(example_query, parameter));
    out.push_str("<table>");
    for parameter in first {
        self::parameter(out, document, parameter, example_query)?;
    }
    out.push_str("</table>");
    let body = &operation["requestBody"]["content"]["application/json"]["example"];
    if !body.is_null() {
        write!(out, "<textarea name=\"body\" rows=\"8\" aria-label=\"Body\">{}</textarea>", Text(&pretty(body)))?;
    }
    out.push_str("<button>Send</button><output></output>");
    if !rest.is_empty() {
        let plural = if rest.len() == 1 { "" } else { "s" };
        write!(out, "<details class=\"more\"><summary>{} more parameter{plural}</summary><table>", rest.len())?;
        for parameter in rest {
            self::parameter(out, document, parameter, example_query)?;
        }
        out.push_str("</table><button>Send</button></details>");
    }
    out.push_str(
        "<pre class=\"curl\" tabindex=\"0\"></pre></form><details class=\"more\"><summary>Answers</summary><table>",
    );
    for (status, response) in entries(&operation["responses"]) {
        let response = resolved(document, response);
        write!(out, "<tr><th>{}<td>{}", Text(status), Marked(str(&response["description"])))?;
        for (name, example) in entries(&response["content"]["application/json"]["examples"]) {
            let value = if status == "200" { pretty(&example["value"]) } else { example["value"].to_string() };
            write!(out, "<pre tabindex=\"0\" title=\"{}\">{}</pre>", Text(name), Text(&value))?;
        }
    }
    out.push_str("</table></details></details>");
    Ok(())
}

fn parameter(out: &mut String, document: &Value, parameter: &Value, example_query: &str) -> Result {
    let (name, place, schema) = (text(&parameter["name"]), text(&parameter["in"]), &parameter["schema"]);
    let required = parameter["required"] == true;
    let example = match &parameter["example"] {
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(","),
        value => plain(value),
    };
    write!(out, "<tr><th>{name}{}<td>", if required { " <i>required</i>" } else { "" })?;
    let words = list(&schema["enum"]);
    if words.is_empty() {
        let preset = if required || is_in_query(example_query, parameter) { "value" } else { "placeholder" };
        write!(
            out,
            "<input name=\"{name}\" data-in=\"{place}\" aria-label=\"{name}\" {preset}=\"{}\" spellcheck=\"false\">",
            Text(&example)
        )?;
    } else {
        write!(out, "<select name=\"{name}\" data-in=\"{place}\" aria-label=\"{name}\">")?;
        if !required {
            out.push_str("<option>");
        }
        for word in words {
            write!(out, "<option>{}", text(word))?;
        }
        out.push_str("</select>");
    }
    let shared = resolved(document, schema);
    write!(out, "<td>{} {}", Marked(str(&parameter["description"])), Marked(str(&shared["description"])))
}

/// A value as a field holds it: a text without its quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// True if the example names the parameter: its form comes filled in with it.
fn is_in_query(query: &str, parameter: &Value) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some(str(&parameter["name"])))
}

/// The target of a `$ref` in the document, or the value itself if it has none.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|path| document.pointer(path.trim_start_matches('#')));
    target.unwrap_or(value)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    // `parameters` is the one member of a path item that is no operation; it is a list, not an object.
    value
        .as_object()
        .into_iter()
        .flat_map(Map::iter)
        .filter(|(_, value)| value.is_object())
        .map(|(k, v)| (k.as_str(), v))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn str(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn text(value: &Value) -> Text<'_> {
    Text(str(value))
}

/// Text that means itself in HTML.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Text with code between backticks.
struct Marked<'a>(&'a str);

impl Display for Marked<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (i, part) in self.0.split('`').enumerate() {
            if i % 2 == 1 { write!(f, "<code>{}</code>", Text(part))? } else { write!(f, "{}", Text(part))? }
        }
        Ok(())
    }
}

/// Marked text in paragraphs.
struct Prose<'a>(&'a str);

impl Display for Prose<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.split("\n\n").filter(|part| !part.is_empty()).try_for_each(|part| write!(f, "<p>{}</p>", Marked(part)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_means_itself() {
        assert_eq!(Marked("a `b<c` \"&\"").to_string(), "a <code>b&lt;c</code> &quot;&amp;&quot;");
        assert_eq!(Prose("one\n\ntwo").to_string(), "<p>one</p><p>two</p>");
    }
}
