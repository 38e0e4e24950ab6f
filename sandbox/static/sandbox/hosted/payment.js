/**
 * A form in which a customer chooses a saved card or types a new one (templates/sandbox/hosted/payment.html).
 *
 * data-client-secret: a PaymentIntent is paid with it. data-intent-url: the card is kept, on the SetupIntent whose
 * secret a POST there answers. Either way the form is sent once Stripe has agreed, with the card's id in
 * `payment_method`. data-authenticate: the intent waits for its customer already.
 */
const form = document.querySelector("form[data-payment]");
const { key, clientSecret, intentUrl } = form.dataset;
const button = form.querySelector("[type=submit], button:not([type])");
const message = document.getElementById("payment-error");
const add = document.getElementById("radio-add");
const newCard = form.querySelector(".NewCard");
const dark = matchMedia("(prefers-color-scheme: dark)");

const appearance = () => ({ theme: dark.matches ? "night" : "stripe" });
const stripe = Stripe(key);
const elements = stripe.elements({ ...(clientSecret ? { clientSecret } : { mode: "setup" }), appearance: appearance() });
const element = elements.create("payment");
dark.addEventListener("change", () => elements.update({ appearance: appearance() }));

let mounted = false;

/** The frame is loaded when it is first needed: saved cards do without. */
function showNewCard() {
  newCard.hidden = !add.checked;
  if (!add.checked || mounted) return;
  element.mount("#payment-element");
  mounted = true;
}

async function secretOfSetup() {
  const answer = await fetch(intentUrl, { method: "POST" });
  if (!answer.ok) throw new Error("This page has expired. Go back and try again.");
  return (await answer.json()).client_secret;
}

/** @returns {Promise<{error?: object, setupIntent?: object, paymentIntent?: object}>} */
async function confirm() {
  const chosen = form.elements.payment_method.value;
  if (!add.checked) return clientSecret ? stripe.confirmCardPayment(clientSecret, { payment_method: chosen }) : {};
  const { error } = await elements.submit();
  if (error) return { error };
  if (clientSecret) return stripe.confirmPayment({ elements, redirect: "if_required" });
  return stripe.confirmSetup({ elements, clientSecret: await secretOfSetup(), redirect: "if_required" });
}

async function carryOut(work) {
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  button.disabled = true;
  message.textContent = "";
  try {
    const { error, setupIntent, paymentIntent } = await work();
    if (!error) {
      const intent = setupIntent ?? paymentIntent;
      if (intent && add.checked) add.value = intent.payment_method?.id ?? intent.payment_method ?? "";
      form.submit();
      return; // stays busy: the next page is on its way
    }
    // What is wrong with a field stands under it, inside the frame.
    if (error.type !== "validation_error") message.textContent = error.message;
  } catch (error) {
    message.textContent = error.message;
  }
  form.ariaBusy = "false";
  button.disabled = false;
}

form.addEventListener("change", showNewCard);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  carryOut(confirm);
});
// Back from the next page: what was under way when this one was frozen will never be settled.
addEventListener("pageshow", (event) => event.persisted && location.reload());

showNewCard();
if ("authenticate" in form.dataset) carryOut(() => stripe.handleNextAction({ clientSecret }));
