// Stripe Elements: <payment-box> is a card form, <bank-step> a bank's question. Card numbers stay in Stripe's frames.
(() => {
  const NOT_LOADED = "The card form could not be loaded. Check your connection and content blockers, then reload this page.";
  const NO_ANSWER = "We could not reach the server. Nothing was charged: please try again.";
  let stripe; // one for the page: Stripe.js warns about a second

  const connect = (key) => (stripe ??= window.Stripe?.(key));
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const look = () => ({
    theme: document.documentElement.dataset.bsTheme === "dark" ? "night" : "stripe",
    variables: {
      colorPrimary: variable("--accent"),
      colorBackground: variable("--panel"),
      colorText: variable("--ink"),
      colorTextSecondary: variable("--muted"),
      colorDanger: variable("--bad"),
      borderRadius: "8px",
      fontSizeBase: "16px",
    },
  });

  function say(form, text) {
    const place = form.querySelector("[role=alert]");
    place.textContent = text;
    if (text) place.focus();
  }

  class PaymentBox extends HTMLElement {
    connectedCallback() {
      this.choices = this.closest("form");
      this.choices.addEventListener("change", this);
      this.mount();
    }

    // A move within the page (moveBefore) leaves the frame and what was typed in it alone.
    connectedMoveCallback() {}

    disconnectedCallback() {
      this.choices.removeEventListener("change", this);
      this.theme?.disconnect();
      this.element?.destroy();
      this.element = null;
    }

    handleEvent() { this.mount(); }

    get wanted() {
      const chosen = this.choices.querySelector("[name=payment_method]:checked");
      return !chosen || chosen.value === "new";
    }

    mount() {
      if (this.element || !this.wanted) return;
      if (!connect(this.dataset.key)) return say(this.choices, NOT_LOADED);
      const { mode, amount, currency } = this.dataset;
      this.elements = stripe.elements({ mode, appearance: look(), ...(amount && { amount: Number(amount), currency }) });
      this.element = this.elements.create("payment");
      this.element.mount(this.appendChild(document.createElement("div")));
      this.element.on("loaderror", () => say(this.choices, NOT_LOADED));
      this.theme = new MutationObserver(() => this.elements.update({ appearance: look() }));
      this.theme.observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
      const save = this.choices.querySelector("[data-needs-script]");
      if (save) save.hidden = false;
    }

    // Each returns {error} or what was asked for; Stripe.js never rejects.
    async start() {
      try {
        const answer = await fetch(this.dataset.startUrl, {
          method: "POST", body: new FormData(this.choices), headers: { Accept: "application/json" },
        });
        if (answer.redirected) location.reload(); // signed out meanwhile
        const { client_secret: clientSecret, error, token } = await answer.json();
        if (token) this.choices.elements.token.value = token;
        return error ? { error: { message: error } } : { clientSecret };
      } catch {
        return { error: { message: NO_ANSWER } };
      }
    }

    async confirm() {
      const valid = await this.elements.submit();
      if (valid.error) return valid;
      const { clientSecret, error } = await this.start();
      if (error || !clientSecret) return { error };
      const confirm = this.dataset.mode === "setup" ? "confirmSetup" : "confirmPayment";
      const return_url = new URL(this.dataset.returnUrl, location.href).href;
      return stripe[confirm]({ elements: this.elements, clientSecret, confirmParams: { return_url }, redirect: "if_required" });
    }
  }

  async function submit(form, box) {
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    say(form, "");
    try {
      if (!box.element) return say(form, NOT_LOADED);
      const { error, setupIntent } = await box.confirm();
      if (error) return say(form, error.message);
      const { doneUrl, target } = box.dataset;
      const values = setupIntent ? { setup_intent: setupIntent.id } : {};
      await htmx.ajax("POST", doneUrl, { source: form, target, swap: "outerHTML", values });
    } finally {
      form.ariaBusy = null;
    }
  }

  // A press must not take the focus out of the frame: the field left would say what is wrong, grow, and push the button
  // away from under the pointer before it is released.
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest?.("button")?.form?.querySelector("payment-box")) event.preventDefault();
  });

  // Before htmx sees it: a new card is confirmed here first, a saved one is htmx's alone.
  document.addEventListener("submit", (event) => {
    const box = event.target.querySelector("payment-box");
    if (!box?.wanted) return;
    event.preventDefault();
    event.stopPropagation();
    submit(event.target, box);
  }, true);

  class BankStep extends HTMLElement {
    connectedCallback() {
      this.form = this.closest("form");
      this.retry = this.form.querySelector("[data-retry]");
      this.retry.addEventListener("click", () => this.ask());
      this.ask();
    }

    async ask() {
      say(this.form, "");
      this.retry.hidden = true;
      if (!connect(this.dataset.key)) return this.fail(NOT_LOADED);
      const { error } = await stripe.handleNextAction({ clientSecret: this.dataset.clientSecret });
      // What the bank said is the server's to find out; only a step that never took place is tried again here.
      if (error && !error.payment_intent) return this.fail(error.message);
      if (this.isConnected) this.form.requestSubmit();
    }

    fail(text) {
      this.retry.hidden = false;
      say(this.form, text);
    }
  }

  customElements.define("payment-box", PaymentBox);
  customElements.define("bank-step", BankStep);
})();
