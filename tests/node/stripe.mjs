// Stripe's own SDK, pointed at the sandbox that the test process serves.

import Stripe from 'stripe';

const { STRIPE_HOST: host, STRIPE_PORT: port, STRIPE_SECRET_KEY: key } = process.env;

export const origin = `http://${host}:${port}`;

export function connect(apiKey = key) {
  return new Stripe(apiKey, { host, port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });
}

export const stripe = connect();

// A request as no SDK would write it: `form` goes out as it stands.
export async function post(path, form) {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/x-www-form-urlencoded' };
  const answer = await fetch(origin + path, { method: 'POST', headers, body: form });
  return { status: answer.status, body: await answer.json() };
}

export async function customerWithCard(card = 'pm_card_visa') {
  const customer = await stripe.customers.create({ name: 'Ada Lovelace', email: 'ada@example.com' });
  const paymentMethod = await stripe.paymentMethods.attach(card, { customer: customer.id });
  return stripe.customers.update(customer.id, {
    invoice_settings: { default_payment_method: paymentMethod.id },
  });
}

export async function plan(amount, recurring = { interval: 'month' }) {
  const product = await stripe.products.create({ name: 'Team', marketing_features: [{ name: 'Five projects' }] });
  return stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: amount, recurring });
}
