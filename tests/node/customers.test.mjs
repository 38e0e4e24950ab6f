import assert from 'node:assert/strict';
import { test } from 'node:test';

import { customerWithCard, stripe } from './stripe.mjs';

test('a customer is created, read, changed and deleted', async () => {
  const address = { line1: 'Straße 1', city: 'Köln', country: 'DE' };
  const created = await stripe.customers.create({ name: 'Zoë & Co', address, metadata: { 'a b': '100 %', c: 'd' } });
  const read = await stripe.customers.retrieve(created.id);
  assert.equal(read.object, 'customer');
  assert.equal(read.name, 'Zoë & Co');
  assert.deepEqual(read.address, { line1: 'Straße 1', line2: null, city: 'Köln', state: null, postal_code: null, country: 'DE' });
  assert.deepEqual(read.metadata, { 'a b': '100 %', c: 'd' });
  const changed = await stripe.customers.update(created.id, { name: null, metadata: { c: '' } });
  assert.equal(changed.name, null);
  assert.deepEqual(changed.metadata, { 'a b': '100 %' });
  assert.deepEqual(await stripe.customers.del(created.id).then(({ deleted }) => deleted), true);
  assert.equal((await stripe.customers.retrieve(created.id)).deleted, true);
});

test('a card is attached, made the default and listed, and detached for good', async () => {
  const customer = await customerWithCard('pm_card_mastercard');
  const { data: [card] } = await stripe.customers.listPaymentMethods(customer.id, { type: 'card' });
  assert.equal(card.id, customer.invoice_settings.default_payment_method);
  assert.deepEqual([card.card.brand, card.card.last4], ['mastercard', '4444']);
  assert.equal((await stripe.paymentMethods.detach(card.id)).customer, null);
  assert.deepEqual((await stripe.paymentMethods.list({ customer: customer.id })).data, []);
});

test('a setup intent is confirmed and leaves the card with its customer', async () => {
  const customer = await stripe.customers.create();
  const intent = await stripe.setupIntents.create({ customer: customer.id, usage: 'off_session' });
  assert.equal(intent.status, 'requires_payment_method');
  const confirmed = await stripe.setupIntents.confirm(intent.id, {
    payment_method: 'pm_card_visa',
    return_url: 'https://shop.example/back',
    expand: ['payment_method', 'latest_attempt'],
  });
  assert.equal(confirmed.status, 'succeeded');
  assert.equal(confirmed.payment_method.customer, customer.id);
  assert.equal(confirmed.latest_attempt.status, 'succeeded');
});

test('a setup intent of a card that asks for 3-D Secure says where to go', async () => {
  const intent = await stripe.setupIntents.create({
    payment_method: 'pm_card_authenticationRequired',
    confirm: true,
    return_url: 'https://shop.example/back',
  });
  assert.equal(intent.status, 'requires_action');
  assert.equal(intent.next_action.type, 'redirect_to_url');
  assert.equal(intent.next_action.redirect_to_url.return_url, 'https://shop.example/back');
});

test('lists are paged through in both ways, newest first', async () => {
  const made = [];
  for (let number = 1; number <= 5; number += 1) {
    made.unshift((await stripe.customers.create({ email: `page${number}@example.com` })).id);
  }
  const seen = [];
  for await (const customer of stripe.customers.list({ limit: 2 })) {
    if (customer.email?.startsWith('page')) seen.push(customer.id);
  }
  assert.deepEqual(seen, made);
  const array = await stripe.customers.list({ limit: 3, email: 'page4@example.com' }).autoPagingToArray({ limit: 10 });
  assert.deepEqual(array.map(({ id }) => id), [made[1]]);
  const before = await stripe.customers.list({ limit: 2, ending_before: made[4] });
  assert.deepEqual(before.data.map(({ id }) => id), [made[2], made[3]]);
  assert.equal(before.has_more, true);
  const found = await stripe.customers.search({ query: 'email:"page2@example.com"' });
  assert.deepEqual([found.object, found.data[0].id], ['search_result', made[3]]);
});
