/**
 * A bare page with one Element. The query string says which: ?element=payment|card &mode=setup|payment &secret=early
 * (the intent is made before the Element) &redirect=always &theme=stripe|night|flat &locale= &account= (of sk_test_…).
 */
const query = Object.fromEntries(new URLSearchParams(location.search));
const { element: type = "payment", mode = "setup", redirect = "if_required" } = query;
const { theme = "stripe", account = "sandbox" } = query;
const by = (id) => document.getElementById(id);
const show = (result) => (by("result").textContent = JSON.stringify(result, null, 2));

const stripe = Stripe(`pk_test_${account}`, { locale: query.locale });
let elements;
let element;

async function makeIntent() {
  const body = new URLSearchParams({ mode, account });
  const answer = await (await fetch(document.body.dataset.intents, { method: "POST", body })).json();
  return answer.client_secret;
}

function note(name, event) {
  const item = document.createElement("li");
  item.textContent = `${name} ${JSON.stringify(event)}`;
  by("events").append(item);
}

async function create() {
  const money = mode === "payment" ? { amount: 1200, currency: "usd" } : {};
  const appearance = { theme };
  const options = query.secret ? { clientSecret: await makeIntent(), appearance } : { mode, ...money, appearance };
  elements = stripe.elements(options);
  element = elements.create(type);
  for (const name of ["loaderstart", "ready", "change", "focus", "blur", "escape", "loaderror", "carddetailschange"]) {
    element.on(name, (event) => note(name, event));
  }
  element.mount("#host");
}

async function confirm() {
  if (type === "card") {
    const method = mode === "payment" ? "confirmCardPayment" : "confirmCardSetup";
    return stripe[method](await makeIntent(), { payment_method: { card: element, billing_details: { name: "Ada" } } });
  }
  const { error } = await elements.submit();
  if (error) return { error };
  const method = mode === "payment" ? "confirmPayment" : "confirmSetup";
  const clientSecret = query.secret ? undefined : await makeIntent();
  const confirmParams = { return_url: `${location.origin}${location.pathname}?returned=1` };
  return stripe[method]({ elements, clientSecret, confirmParams, redirect });
}

by("pay").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (by("submit").disabled) return;
  by("submit").disabled = true;
  by("message").textContent = "";
  try {
    const result = await confirm();
    by("message").textContent = result.error?.message ?? "";
    show(result);
  } catch (error) {
    show({ thrown: { name: error.name, message: error.message } });
  } finally {
    by("submit").disabled = false;
  }
});
by("destroy").addEventListener("click", () => element.destroy());
by("create").addEventListener("click", create);

document.documentElement.classList.add(type, ...(theme === "night" ? ["dark"] : []));
by("submit").textContent = mode === "payment" ? "Pay $12.00" : "Save card";
if (query.returned) show(query);
create();
