// Sends a form's request and shows the answer; the same request stands below it as a curl line.
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

async function send(form) {
  const { address, method, headers, body } = asked(form);
  const output = form.querySelector("output");
  output.textContent = "…";
  try {
    const start = performance.now();
    const response = await fetch(address, { method, headers, body });
    const blob = await response.blob();
    const text = await blob.text();
    const took = Math.round(performance.now() - start);
    output.textContent = `${response.status} ${response.statusText}, ${took} ms`;
    output.append(answer(response, blob, text));
  } catch (error) {
    output.textContent = `${error}`;
  }
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

/** An answer of the API by the token, or by the session that the browser has; undefined where there is none. */
async function get(path) {
  const headers = token.value === "" ? {} : { Authorization: token.value };
  const response = await fetch(new URL(`.${path}`, location.href), { headers });
  return response.ok ? response.json() : undefined;
}

const day = 86_400;

/** The APIs, and the one that a token is of; the session's where there is no token; undefined without either. */
const CUSTOMER = "/api/rest/customer/v1";
const OPERATOR = "/api/rest/operator/v1";
async function apiAsked() {
  if (token.value !== "") {
    const claims = token.value.split(".")[1] ?? "";
    return atob(claims.replaceAll("-", "+").replaceAll("_", "/")).includes("operator-v1") ? OPERATOR : CUSTOMER;
  }
  const session = await get("/session");
  return session?.customer ? CUSTOMER : session?.operator ? OPERATOR : undefined;
}

/** The latest day with calls that is over, of the last 400; today where there is none. */
async function dayWithCalls(path, account) {
  const today = Math.floor(Date.now() / 1000 / day) * day;
  const query = new URLSearchParams({ ...account, "from-time": today - 400 * day, sampling: "day", fill: "false" });
  const statistics = await get(`${path}?${query}`);
  const { t = [], total_calls = [] } = statistics?.data ?? {};
  const days = t.filter((_, i) => total_calls[i] > 0);
  return Number(days.findLast((one) => one < today) ?? days.at(-1) ?? today);
}

/** Puts times with calls, and an account of the caller's, into the forms of an API, but where somebody has typed. */
async function fillIn() {
  const api = await apiAsked();
  const account = api && (await get(`${api}/accounts`))?.accounts?.[0];
  if (!account) return;
  const isOperator = api === OPERATOR;
  // An operator's questions are over all accounts.
  const own = isOperator ? {} : { "account-id": account.uuid };
  const from = await dayWithCalls(`${api}/${isOperator ? "" : "origination-"}statistics`, own);
  const iso = (second) => new Date(second * 1000).toISOString().replace(".000Z", "Z");
  const presets = { ...own, "from-time": iso(from), "to-time": iso(from + day - 1) };
  for (const [name, value] of Object.entries(presets)) {
    for (const field of document.querySelectorAll(`form[data-path^="${api}/"] input[name="${name}"][value]`)) {
      if (field.value === field.defaultValue) field.value = field.defaultValue = value;
    }
  }
  for (const field of document.querySelectorAll('select[name="sampling"]')) {
    // Of a day, a minute is a thousand rows.
    const names = [...field.options].map((option) => option.value);
    if (field.value === "minute") field.value = names.includes("hour") ? "hour" : names.at(-1);
  }
  document.getElementById("found").textContent = `Examples: ${isOperator ? "all accounts" : account.name}, ${iso(from).slice(0, 10)}.`;
  forms.forEach(showCurl);
}

let typed;
token.addEventListener("input", () => {
  sessionStorage.setItem("token", token.value);
  forms.forEach(showCurl);
  clearTimeout(typed);
  typed = setTimeout(() => fillIn().catch(() => {}), 300);
});
// Without a token or a session the examples stay as the document has them.
fillIn().catch(() => {});

// A link to an operation opens it.
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();
