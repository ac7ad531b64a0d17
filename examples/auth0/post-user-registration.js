/**
 * Auth0 Action, trigger "Post User Registration": tells ringfinder which user an attempt became.
 *
 * Secrets of the Action: RINGFINDER_URL and RINGFINDER_SECRET, as of pre-user-registration.js.
 * Until it is told, the attempt counts as no account. From then on the account's id is Auth0's
 * user_id: send usage, payments and log-ins under it.
 */
const crypto = require("crypto");

const TIMEOUT_MS = 5000;

exports.onExecutePostUserRegistration = async (event) => {
  const eventId = (event.user.app_metadata || {}).ringfinder_event_id;
  if (!eventId) return;
  const body = JSON.stringify({
    trigger: "post-user-registration",
    event_id: eventId,
    event: { user: { user_id: event.user.user_id } },
  });
  const id = "msg_" + crypto.randomUUID();
  const time = Math.floor(Date.now() / 1000).toString();
  const key = Buffer.from(event.secrets.RINGFINDER_SECRET.replace(/^whsec_/, ""), "base64");
  const mac = crypto.createHmac("sha256", key).update(`${id}.${time}.${body}`).digest("base64");
  const answer = await fetch(event.secrets.RINGFINDER_URL + "/v1/hooks/auth0", {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": time,
      "webhook-signature": "v1," + mac,
    },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error("ringfinder answered " + answer.status);
};
