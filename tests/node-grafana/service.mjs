// The running service, as scripts/grafana-checks.sh has started it.

function given(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run scripts/grafana-checks.sh`);
  return value;
}

/** Its address. */
export const URL_OF = given('URL');
/** The customer API below it. */
export const API = `${URL_OF}/api/rest/customer/v1`;
/** A token of the customer whose biggest account is `ACCOUNT`. */
export const TOKEN = given('TOKEN');
/** The uuid of that account. */
export const ACCOUNT = given('ACCOUNT');
/** A token of another customer. */
export const OTHER_TOKEN = given('OTHER_TOKEN');
/** A token of a vendor: routing attempts were sent to it. */
export const VENDOR_TOKEN = given('VENDOR_TOKEN');

/** A token of the operator's, with every right. */
export const OPERATOR_TOKEN = given('OPERATOR_TOKEN');

/** Sends a body to a route below /grafana. The answer: `status`, `text`, and `json` where it is one. */
export async function post(route, body, token = TOKEN) {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  return read(await fetch(`${URL_OF}/grafana${route}`, { method: 'POST', headers, body: JSON.stringify(body) }));
}

/** Asks for an address of the service, as Infinity does. */
export async function get(url, token = TOKEN) {
  const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json;q=0.9,text/plain' };
  return read(await fetch(url, { headers }));
}

async function read(response) {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}
