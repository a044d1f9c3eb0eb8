// What was typed into a form outlives a session that ended meanwhile: a form that is sent is kept in this tab, put back after
// the sign-in, and forgotten once anything but the sign-in answers it. Passwords, hidden fields and files are never kept.

/** Where the tab keeps it. */
const PLACE = "tintype-form";
const UNKEPT = new Set(["password", "hidden", "file", "submit", "button"]);

const signIn = document.getElementById("kept-note");
const kept = read();
if (signIn) {
  if (kept) awaitSignIn(kept);
} else if (kept?.isLost && kept.page === location.pathname + location.search) {
  putBack(kept);
  forget();
} else if (kept && !kept.isLost) {
  forget();
}

addEventListener("submit", ({ target: form, defaultPrevented }) => {
  if (defaultPrevented || signIn || form.method !== "post") return;
  const fields = fieldsOf(form);
  if (fields.length === 0) return;
  const values = fields.map(({ name, type, value, checked }) => ({ name, type, value, checked }));
  write({ page: location.pathname + location.search, action: form.getAttribute("action"), values });
});

/** The sign-in says that it is kept, and leads back to its page. */
function awaitSignIn(sent) {
  write({ ...sent, isLost: true });
  signIn.hidden = false;
  const form = document.getElementById("secret")?.form;
  if (!form || form.elements.next) return;
  form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "next", value: sent.page }));
}

function putBack({ action, values }) {
  const form = [...document.forms].find((one) => one.method === "post" && one.getAttribute("action") === action);
  if (!form) return;
  for (const field of fieldsOf(form)) {
    const found = values.find(({ name, type, value }) =>
      name === field.name && type === field.type && (!isCheck(field) || value === field.value));
    if (!found) continue;
    if (isCheck(field)) field.checked = found.checked;
    else field.value = found.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  fieldsOf(form)[0]?.focus();
}

/** The fields of `form` that somebody fills in and that are no secrets; none of a form that has a password. */
function fieldsOf(form) {
  const fields = [...form.elements].filter(({ name, tagName }) => name && /^(INPUT|SELECT|TEXTAREA)$/.test(tagName));
  const isSecret = fields.some(({ type, dataset }) => type === "password" || "secret" in dataset);
  return isSecret ? [] : fields.filter(({ type }) => !UNKEPT.has(type));
}

function isCheck({ type }) {
  return type === "checkbox" || type === "radio";
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE));
  } catch {
    return null;
  }
}

function write(sent) {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(sent));
  } catch {
    // Storage is switched off: the form is lost with its page.
  }
}

function forget() {
  try {
    sessionStorage.removeItem(PLACE);
  } catch {
    // Nothing was kept.
  }
}
