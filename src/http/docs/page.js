// Sends a form's request and shows the answer; the same request stands above it as a curl line.
"use strict";

const token = document.getElementById("token");
token.value = sessionStorage.getItem("token") ?? "";

/** What a form asks for: address, method, headers and body. */
function asked(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const field of form.querySelectorAll("[data-in]")) {
    if (field.value === "") continue;
    if (field.dataset.in === "query") query.set(field.name, field.value);
    if (field.dataset.in === "header") headers[field.name] = field.value;
    if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
  }
  if ("token" in form.dataset && token.value !== "") headers.Authorization = token.value;
  const body = form.elements.namedItem("body")?.value;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  // Beside this page, so that it works behind a proxy with a path of its own.
  const address = new URL(`.${path}${query.size ? `?${query}` : ""}`, location.href);
  return { address, method: form.dataset.method, headers, body };
}

/** A word of a shell's command line. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function showCurl(form) {
  const { address, method, headers, body } = asked(form);
  const words = ["curl"];
  if (method !== "GET") words.push("-X", method);
  for (const [name, value] of Object.entries(headers)) words.push("-H", quoted(`${name}: ${value}`));
  if (body !== undefined) words.push("-d", quoted(body));
  form.querySelector(".curl").textContent = [...words, quoted(address.href)].join(" ");
}

/** JSON by the line, up to what a page can show. */
function readable(text) {
  const most = 100_000;
  if (text.length > most) return `${text.slice(0, most)} … (${text.length} characters)`;
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

async function send(form) {
  const { address, method, headers, body } = asked(form);
  const output = form.querySelector("output");
  output.textContent = "…";
  const shown = document.createElement("pre");
  try {
    const start = performance.now();
    const response = await fetch(address, { method, headers, body });
    const text = await response.text();
    const took = Math.round(performance.now() - start);
    output.textContent = `${response.status} ${response.statusText}, ${took} ms`;
    shown.textContent = text === "" ? "" : readable(text);
  } catch (error) {
    output.textContent = `${error}`;
  }
  output.append(shown);
}

const forms = document.querySelectorAll("form");
for (const form of forms) {
  showCurl(form);
  form.addEventListener("input", () => showCurl(form));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

token.addEventListener("input", () => {
  sessionStorage.setItem("token", token.value);
  forms.forEach(showCurl);
});

// A link to an operation opens it.
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();
