// Behaviour that every page shares. Each works on data attributes; nothing here is needed to use a form.
const root = document.documentElement;
root.classList.add("js");

// --- theme: the server reads the cookie, so the next page comes in the right colours from its first byte
function applyTheme(choice) {
  if (choice === "light" || choice === "dark") root.dataset.theme = choice;
  else delete root.dataset.theme;
  const age = choice === "system" ? 0 : 31536000;
  document.cookie = `theme=${choice}; path=/; max-age=${age}; samesite=lax`;
  showTheme(choice);
  document.dispatchEvent(new CustomEvent("theme:changed"));
}
function showTheme(choice) {
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  }
}
showTheme(root.dataset.theme || "system");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.dispatchEvent(new CustomEvent("theme:changed"));
});

// --- toasts
export function toast(text, tone = "danger") {
  const area = document.querySelector("[data-toasts]");
  if (!area) return;
  const item = document.createElement("div");
  item.className = `toast toast-${tone}`;
  const words = document.createElement("p");
  words.textContent = text;
  item.append(words);
  area.append(item);
  dismissLater(item);
}
function dismissLater(item) {
  if (item.classList.contains("toast-danger")) return; // a person may need time to read what went wrong
  setTimeout(() => item.remove(), 6000);
}
document.querySelectorAll("[data-toasts] .toast").forEach(dismissLater);

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.textContent.trim());
  button.dataset.copied = "";
  button.querySelector("[data-copy-said]").textContent = "Copied";
  setTimeout(() => {
    delete button.dataset.copied;
    button.querySelector("[data-copy-said]").textContent = "";
  }, 2000);
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("button, summary, a");
  for (const open of document.querySelectorAll("details.account[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
  if (!target) return;
  if (target.dataset.themeChoice) {
    event.preventDefault();
    applyTheme(target.dataset.themeChoice);
  }
  if (target.dataset.copy) copy(target).catch(() => toast("Copying is blocked; select the text instead."));
  if (target.dataset.dismiss !== undefined) target.closest(".toast").remove();
  if (target.dataset.opens) document.getElementById(target.dataset.opens).showModal();
  if (target.dataset.closes !== undefined) target.closest("dialog").close();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.account[open]")) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

// --- forms: a second click sends nothing twice
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog") return;
  if (form.hasAttribute("data-submitted")) {
    event.preventDefault();
    return;
  }
  form.setAttribute("data-submitted", "");
  form.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-submitted]")) {
    form.removeAttribute("data-submitted");
    form.removeAttribute("aria-busy");
  }
});
document.addEventListener("change", (event) => {
  if (event.target.dataset.submits !== undefined) event.target.form.requestSubmit();
});
document.querySelector("[aria-invalid='true']")?.focus();

// --- htmx: say when something failed, never fail silently
document.addEventListener("htmx:sendError", () => toast("No connection. Nothing was changed; try again."));
document.addEventListener("htmx:responseError", (event) => {
  let said = "That did not work. Load the page again.";
  try {
    const problem = JSON.parse(event.detail.xhr.responseText);
    said = problem.detail || problem.title || said;
  } catch {
    // a page, not a problem document: the sentence above is enough
  }
  toast(said);
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target.closest?.("form[data-submitted]");
  form?.removeAttribute("data-submitted");
  form?.removeAttribute("aria-busy");
});
