// What follows is the same for every scenario. One iteration is one request of
// one virtual user, as in authbench: k6 decides when (CONFIG.scenarios), the
// user's weights decide what. Unlike authbench, k6 times a request from the
// moment at which it is sent, so a stalling server is charged too little;
// `dropped_iterations` in its summary tells of arrivals that it left out.

const BASE_URL = __ENV.BASE_URL || CONFIG.base_url;
const ORIGIN = BASE_URL.split('/').slice(0, 3).join('/');

export const options = {
  scenarios: CONFIG.scenarios,
  setupTimeout: '10m',
  // The same percentiles as in authbench's results.
  summaryTrendStats: ['count', 'min', 'med', 'p(90)', 'p(99)', 'p(99.9)', 'max'],
  thresholds: {
    // Not one answer may be wrong.
    authbench_wrong_answers: ['count==0'],
  },
};

const wrongAnswers = new Counter('authbench_wrong_answers');
const readMs = new Trend('authbench_read_ms', true);
const counters = {};
for (const action of CONFIG.actions) {
  counters[action] = new Counter(`authbench_${action.replace(/-/g, '_')}`);
}

// Everybody logs in before load begins, as in authbench.
export function setup() {
  const logins = [];
  for (let n = 0; n < CONFIG.users; n += 1) {
    logins.push(logIn(account(n), 'setup'));
  }
  return logins;
}

// Requests of this VU so far: something new for each change of state.
let asked = 0;

// This VU's users, each with a login of its own: made at the first iteration.
let own = null;
let turn = 0;

export default function (logins) {
  if (own === null) {
    own = [];
    const vus = CONFIG.vus;
    for (let n = (exec.vu.idInTest - 1) % vus; n < logins.length; n += vus) {
      own.push(Object.assign({ account: account(n) }, logins[n]));
    }
  }
  const user = own[turn % own.length];
  turn += 1;
  act(user);
  if (CONFIG.think_ms > 0) {
    sleep((-Math.log(1 - Math.random()) * CONFIG.think_ms) / 1000);
  }
}

function act(user) {
  if (user.credential === null) {
    Object.assign(user, logIn(user.account, 'login'));
    return;
  }
  const mixes = CONFIG.mixes;
  const action = draw(mixes[exec.scenario.name] || mixes.default);
  const response = ask(CONFIG.operations[action], user, user.credential);
  counters[action].add(1);
  if (action === 'read') {
    readMs.add(response.timings.duration);
  }
  judge(user, action, response);
}

function judge(user, action, response) {
  const operation = CONFIG.operations[action];
  const done = operation.success.includes(response.status);
  check(response, { [`${action}: done`]: () => done });
  if (!done) {
    // 401 and 403 are refusals: the login is over for whatever reason.
    wrongAnswers.add(1, { action, status: String(response.status) });
    user.credential = null;
    return;
  }
  if (operation.subject && user.account.subject) {
    const subject = pointed(response, operation.subject);
    if (subject !== user.account.subject) {
      wrongAnswers.add(1, { action, status: 'wrong-user' });
    }
  }
  if (action === 'logout' || action === 'logout-all') {
    user.credential = null;
    return;
  }
  const renewed = credentialIn(response);
  if (renewed !== null) {
    user.credential = renewed;
  }
}

function logIn(who, action) {
  const response = ask(CONFIG.operations.login, { account: who }, null);
  if (action === 'login') {
    counters.login.add(1);
  }
  const done = CONFIG.operations.login.success.includes(response.status);
  const credential = done ? credentialIn(response) : null;
  if (credential === null) {
    wrongAnswers.add(1, { action, status: String(response.status) });
  }
  return { credential };
}

function ask(operation, user, credential) {
  const headers = { Accept: 'application/json' };
  if (operation.body !== null) {
    headers['Content-Type'] = operation.content_type;
  }
  if (CONFIG.same_origin && operation.method !== 'GET') {
    headers.Origin = ORIGIN;
    headers['Sec-Fetch-Site'] = 'same-origin';
  }
  if (credential !== null) {
    if (CONFIG.carrier.cookie) {
      headers.Cookie = `${CONFIG.carrier.cookie}=${credential}`;
    } else {
      headers.Authorization = `Bearer ${credential}`;
    }
  }
  const values = {
    user: user.account.user,
    password: user.account.password,
    value: String((asked += 1)),
  };
  const path = filled(operation.path, values, encodeURIComponent);
  const body = operation.body === null ? null : filled(operation.body, values, quoted(operation));
  // A jar of its own: credentials are sent by hand, so that each request
  // carries exactly one.
  const params = { headers, jar: new http.CookieJar(), tags: { name: operation.path } };
  return http.request(operation.method, BASE_URL + path, body, params);
}

function quoted(operation) {
  if (operation.content_type.includes('json')) {
    return (text) => JSON.stringify(text).slice(1, -1);
  }
  return operation.content_type.includes('urlencoded') ? encodeURIComponent : (text) => text;
}

// Gaps are lower-case words in braces; a brace that begins none stands for
// itself.
function filled(template, values, encode) {
  return template.replace(/\{([a-z_]+)\}/g, (gap, name) =>
    name in values ? encode(values[name]) : gap);
}

function credentialIn(response) {
  if (!CONFIG.carrier.cookie) {
    const token = pointed(response, CONFIG.carrier.token);
    return typeof token === 'string' ? token : null;
  }
  const set = (response.cookies[CONFIG.carrier.cookie] || []).filter((cookie) => cookie.value);
  return set.length > 0 ? set[set.length - 1].value : null;
}

// RFC 6901.
function pointed(response, pointer) {
  let value;
  try {
    value = response.json();
  } catch (_) {
    return undefined;
  }
  for (const step of pointer.split('/').slice(1)) {
    value = value == null ? undefined : value[step.replace(/~1/g, '/').replace(/~0/g, '~')];
  }
  return value;
}

function account(n) {
  const accounts = CONFIG.accounts;
  if (n < accounts.list.length) {
    return accounts.list[n];
  }
  const digits = String(n - accounts.list.length).padStart(6, '0');
  const fill = (template) => (template === null ? null : template.replace('{n}', digits));
  const { user, password, subject } = accounts.pattern;
  return { user: fill(user), password: fill(password), subject: fill(subject) };
}

function draw(mix) {
  const total = mix.reduce((sum, [, weight]) => sum + weight, 0);
  let at = Math.random() * total;
  for (const [action, weight] of mix) {
    at -= weight;
    if (at < 0) {
      return action;
    }
  }
  return mix[0][0];
}

export function handleSummary(data) {
  const text = JSON.stringify(data, null, 2);
  const file = __ENV.SUMMARY || 'k6-summary.json';
  return { [file]: text, stdout: `${file}: ${text.length} octets\n` };
}
