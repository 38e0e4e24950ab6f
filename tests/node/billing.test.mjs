import assert from 'node:assert/strict';
import { test } from 'node:test';

import { customerWithCard, plan, stripe } from './stripe.mjs';

test('a price knows decimals and tiers', async () => {
  const product = await stripe.products.create({ name: 'Calls' });
  const common = { product: product.id, currency: 'usd', recurring: { interval: 'month' } };
  const tenth = await stripe.prices.create({ ...common, unit_amount_decimal: '0.1' });
  assert.equal(tenth.unit_amount, null);
  assert.equal(tenth.unit_amount_decimal.toString(), '0.1');
  const tiered = await stripe.prices.create({
    ...common,
    billing_scheme: 'tiered',
    tiers_mode: 'graduated',
    tiers: [{ up_to: 10, unit_amount: 500 }, { up_to: 'inf', unit_amount: 300 }],
    expand: ['tiers'],
  });
  assert.deepEqual(tiered.tiers.map(({ up_to, unit_amount }) => [up_to, unit_amount]), [[10, 500], [null, 300]]);
});

test('a subscription starts unpaid, and its invoice is paid', async () => {
  const customer = await customerWithCard();
  const price = await plan(2900);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id, quantity: 2 }],
    payment_behavior: 'default_incomplete',
    expand: ['latest_invoice.confirmation_secret', 'latest_invoice.payments.data.payment.payment_intent'],
  });
  assert.equal(subscription.status, 'incomplete');
  const invoice = subscription.latest_invoice;
  assert.deepEqual([invoice.status, invoice.total], ['open', 5800]); // 2 * 29.00
  const { payment_intent: intent } = invoice.payments.data[0].payment;
  assert.equal(invoice.confirmation_secret.client_secret, intent.client_secret);
  const paid = await stripe.invoices.pay(invoice.id);
  assert.deepEqual([paid.status, paid.amount_paid, paid.amount_remaining], ['paid', 5800, 0]);
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'active');
  const { data: [charge] } = await stripe.charges.list({ payment_intent: intent.id, expand: ['data.balance_transaction'] });
  assert.equal(charge.balance_transaction.amount, 5800);
});

test('a change is previewed, made and ended', async () => {
  const customer = await customerWithCard();
  const [monthly, yearly] = [await plan(2900), await plan(29000, { interval: 'year' })];
  const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: monthly.id }] });
  const change = { items: [{ id: subscription.items.data[0].id, price: yearly.id }], proration_behavior: 'always_invoice' };
  const preview = await stripe.invoices.createPreview({
    customer: customer.id,
    subscription: subscription.id,
    subscription_details: { ...change, proration_date: subscription.start_date },
  });
  assert.equal('id' in preview, true);
  assert.deepEqual(preview.lines.data.map(({ amount }) => amount), [-2900, 29000]); // all of the month is given back
  assert.equal(preview.total, 26100);
  const changed = await stripe.subscriptions.update(subscription.id, {
    ...change,
    proration_date: subscription.start_date,
    metadata: { why: 'cheaper' },
    expand: ['latest_invoice'],
  });
  assert.equal(changed.latest_invoice.total, preview.total);
  assert.equal(changed.items.data[0].price.recurring.interval, 'year');
  const scheduled = await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
  assert.equal(scheduled.cancel_at, scheduled.items.data[0].current_period_end);
  const canceled = await stripe.subscriptions.cancel(subscription.id, { cancellation_details: { comment: 'Bye' } });
  assert.deepEqual([canceled.status, canceled.cancellation_details.comment], ['canceled', 'Bye']);
});

test('a test clock renews a subscription', async () => {
  const frozen = Date.UTC(2026, 10, 1) / 1000;
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: frozen, name: 'Renewal' });
  const customer = await stripe.customers.create({
    test_clock: clock.id,
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const price = await plan(2900);
  const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
  await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: Date.UTC(2026, 11, 2) / 1000 });
  const invoices = await stripe.invoices.list({ subscription: subscription.id });
  assert.deepEqual(
    invoices.data.map(({ billing_reason: reason, status, total }) => [reason, status, total]),
    [['subscription_cycle', 'paid', 2900], ['subscription_create', 'paid', 2900]],
  );
});
