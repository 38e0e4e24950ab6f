import assert from 'node:assert/strict';
import { test } from 'node:test';

import Stripe from 'stripe';

import { connect, customerWithCard, plan, post, stripe } from './stripe.mjs';

const { errors } = Stripe;

test('an id that is not there is an invalid request', async () => {
  await assert.rejects(stripe.customers.retrieve('cus_nobody'), (error) => {
    assert(error instanceof errors.StripeInvalidRequestError);
    assert.deepEqual([error.statusCode, error.code, error.param], [404, 'resource_missing', 'id']);
    assert.match(error.requestId, /^req_/);
    return true;
  });
});

test('a parameter that is unknown, missing or wrong is named', async () => {
  const price = { currency: 'usd', unit_amount: 100 };
  const refusals = [
    [() => stripe.customers.create({ colour: 'red' }), 'parameter_unknown', 'colour'],
    [() => stripe.products.create({}), 'parameter_missing', 'name'],
    [() => stripe.prices.create({ ...price, product: 'prod_none' }), 'resource_missing', 'product'],
    [() => stripe.customers.list({ limit: 101 }), 'parameter_invalid_integer', 'limit'],
  ];
  for (const [ask, code, param] of refusals) {
    await assert.rejects(ask(), { type: 'StripeInvalidRequestError', statusCode: 400, code, param });
  }
});

test('a declined card is a card error with the reason', async () => {
  const declined = { amount: 500, currency: 'usd', payment_method: 'pm_card_visa_chargeDeclinedInsufficientFunds' };
  const confirmed = { ...declined, confirm: true, return_url: 'https://shop.example/back' };
  await assert.rejects(stripe.paymentIntents.create(confirmed), (error) => {
    assert(error instanceof errors.StripeCardError);
    assert.deepEqual([error.statusCode, error.code, error.decline_code], [402, 'card_declined', 'insufficient_funds']);
    assert.equal(error.payment_intent.status, 'requires_payment_method');
    return true;
  });
});

test('keys that may not are told so', async () => {
  const name = process.env.STRIPE_SECRET_KEY.replace('sk_test_', '');
  await assert.rejects(connect('nonsense').customers.list(), { type: 'StripeAuthenticationError', statusCode: 401 });
  await assert.rejects(connect(`sk_live_${name}`).customers.list(), { type: 'StripeAuthenticationError' });
  await assert.rejects(connect(`pk_test_${name}`).customers.list(), {
    type: 'StripePermissionError',
    code: 'secret_key_required',
  });
});

test('what is not built says so', async () => {
  await assert.rejects(stripe.issuing.cards.list(), { type: 'StripeAPIError', statusCode: 501 });
});

test('an idempotency key does a thing once, and is not for another', async () => {
  const options = { idempotencyKey: 'once' };
  const first = await stripe.customers.create({ name: 'Ada' }, options);
  const again = await stripe.customers.create({ name: 'Ada' }, options);
  assert.equal(again.id, first.id);
  assert.equal(first.lastResponse.headers['idempotent-replayed'], undefined);
  assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
  await assert.rejects(stripe.customers.create({ name: 'Bob' }, options), (error) => {
    assert(error instanceof errors.StripeIdempotencyError);
    return true;
  });
  const together = await Promise.allSettled(
    [1, 2, 3].map(() => stripe.products.create({ name: 'Pro' }, { idempotencyKey: 'thrice', maxNetworkRetries: 5 })),
  );
  assert.equal(new Set(together.map(({ value }) => value?.id)).size, 1);
});

test('answers carry what the SDK reads from headers', async () => {
  const { lastResponse } = await stripe.accounts.retrieveCurrent();
  assert.match(lastResponse.requestId, /^req_/);
  assert.equal(lastResponse.apiVersion, Stripe.API_VERSION);
  assert.equal(lastResponse.statusCode, 200);
});

test('every way to write a list or nothing is read', async () => {
  const [customer, price] = [await customerWithCard(), await plan(1200)];
  const items = { indexed: `items[0][price]=${price.id}&items[0][quantity]=3`, bare: `items[][price]=${price.id}&items[][quantity]=3` };
  for (const form of Object.values(items)) {
    const { status, body } = await post('/v1/subscriptions', `customer=${customer.id}&${form}&expand[]=latest_invoice`);
    assert.deepEqual([status, body.items.data[0].quantity, body.latest_invoice.total], [200, 3, 3600]);
  }
  const escaped = await post(`/v1/customers/${customer.id}`, 'metadata%5Ba%20b%5D=c+d&description=x%26y');
  assert.deepEqual([escaped.body.metadata, escaped.body.description], [{ 'a b': 'c d' }, 'x&y']);
  const cleared = await post(`/v1/customers/${customer.id}`, 'metadata=&description=');
  assert.deepEqual([cleared.body.metadata, cleared.body.description], [{}, null]);
  const kept = await post(`/v1/products/${price.product}`, 'name=');
  assert.deepEqual([kept.status, kept.body.error.code], [400, 'parameter_invalid_empty']);
  const emptied = await stripe.products.update(price.product, { marketing_features: '' });
  assert.deepEqual(emptied.marketing_features, []);
});

test('a raw request speaks the same language', async () => {
  const { id } = await stripe.rawRequest('POST', '/v1/customers', { name: 'Raw', metadata: { a: '1' } });
  assert.deepEqual((await stripe.customers.retrieve(id)).metadata, { a: '1' });
});
