/**
 * Stripe.js knows two kinds of failure. What the customer or the network did wrong comes back as `{error}`; what the
 * developer did wrong is thrown as an IntegrationError.
 *
 * @typedef {{type: string, message: string, code?: string, decline_code?: string, param?: string}} StripeError
 */
export class IntegrationError extends Error {
  name = "IntegrationError";
}

/** @returns {StripeError} what an answer that never came looks like: the call may have been carried out. */
export function connectionError() {
  return {
    type: "api_connection_error",
    message:
      "We are experiencing issues connecting to our payments provider. Please check your internet connection and " +
      "try again.",
  };
}

/** @returns {StripeError} for an answer that is not one of Stripe's, such as a proxy's HTML page. */
export function apiError() {
  return { type: "api_error", message: "An unexpected error occurred while contacting our payments provider." };
}
