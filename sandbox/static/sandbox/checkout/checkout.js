import { Api } from "../stripe/api.js";
import { showChallenge } from "../stripe/challenge.js";
import { connectionError } from "../stripe/errors.js";
import { Business } from "./business.js";
import { Card } from "./card.js";
import { Desk } from "./desk.js";
import { CHECKS, Entry } from "./entry.js";
import { Order } from "./order.js";

const { api: base, key, locale } = document.body.dataset;
const by = (id) => document.getElementById(id);
const form = document.querySelector(".PaymentForm-form");
const button = form.querySelector(".SubmitButton");

const api = new Api(new URL(base.replace(/v1\/x$/, ""), location.href).href, key);
const desk = new Desk();
const order = new Order(desk);
const card = new Card(locale);
const business = new Business();
const contact = [
  new Entry("email", { check: CHECKS.email }),
  new Entry("phoneNumber", { asked: phoneAsked }),
  new Entry("termsOfServiceConsentCheckbox", { message: "terms-error" }),
];
let busy = false;

/** The id of a saved card, or "card" for a new one. */
const chosen = () => form.querySelector("[name=payment-method]:checked")?.value ?? "card";
const typesCard = () => order.asksCard && chosen() === "card";

/** A number is asked for by the shop, or by Link, which ticks itself. */
function phoneAsked() {
  const collected = !form.querySelector(".Link #phone-field");
  return collected || (typesCard() && by("enableStripePass").checked);
}

function tell() {
  const answers = contact.filter(({ input }) => input).map((entry) => entry.tell());
  if (typesCard()) answers.push(card.tell(), business.tell());
  if (answers.every(Boolean)) return true;
  form.querySelector("[aria-invalid=true]")?.focus();
  return false;
}

function wait(on) {
  busy = on;
  button.setAttribute("aria-busy", String(on));
  card.form.lock(on);
  if (on) by("payment-error").textContent = "";
}

/** Say what went wrong where it can be put right. */
function fail({ code, param, message }) {
  const taxed = code === "tax_id_invalid";
  if (taxed) by("taxId-error").textContent = message;
  if (taxed || (typesCard() && card.blame(param?.replace(/^card\[(\w+)\]$/, "$1"), message))) return;
  by("payment-error").textContent = message;
}

const email = () => contact[0].text;
const collectedPhone = () => (form.querySelector(".Link #phone-field") ? undefined : contact[1].text || undefined);

/** @returns {Promise<{id?: string, error?: object}>} the card to pay with */
async function method() {
  if (!order.asksCard) return {};
  if (chosen() !== "card") return { id: chosen() };
  const details = { email: email(), name: card.name.text, phone: collectedPhone(), address: card.address() };
  const { object, error } = await api.post("payment_methods", {
    type: "card",
    card: card.form.card(),
    billing_details: details,
  });
  return error ? { error } : { id: object.id };
}

function collected(id) {
  return {
    payment_method: id,
    expected_amount: order.due,
    email: email(),
    phone: collectedPhone(),
    ...(typesCard() && { name: card.name.text, address: card.address(), ...business.details() }),
    ...(typesCard() && by("savePaymentMethod")?.checked && { save_payment_method: true }),
    consent: {
      terms_of_service: by("termsOfServiceConsentCheckbox")?.checked,
      promotions: by("promotionsConsentCheckbox")?.checked,
    },
  };
}

/** Let the customer talk to the bank, as long as it asks. @returns {Promise<object>} how it stands then */
async function authenticated(answer) {
  if (answer.state !== "requires_action") return answer;
  await showChallenge(new URL(answer.challenge, location.href));
  const after = await desk.get("state");
  return after.state === "requires_action" ? { error: connectionError() } : after;
}

async function pay() {
  const { id, error } = await method();
  if (error) return { error };
  return authenticated(await desk.post("confirm", collected(id)));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (busy || !tell()) return;
  wait(true);
  const { state, url, error } = await pay();
  if (state === "complete") {
    location.assign(url); // and stay busy until the page is gone
    return;
  }
  wait(false);
  if (error?.code === "checkout_amount_mismatch") await order.refresh();
  fail(error ?? connectionError());
});

form.addEventListener("change", ({ target }) => {
  if (target.name === "payment-method") by("new-card").hidden = chosen() !== "card";
  if (target.id === "enableStripePass" && form.querySelector(".Link #phone-field")) {
    by("phone-field").hidden = !target.checked;
  }
});
form.querySelector(".AccordionItem-button")?.addEventListener("click", () => {
  by("payment-method-accordion-item-title-card").click();
});

// Back from the shop: this page would show what is no longer so.
addEventListener("pageshow", (event) => event.persisted && location.reload());
