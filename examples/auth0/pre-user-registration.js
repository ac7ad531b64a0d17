/**
 * Auth0 Action, trigger "Pre User Registration": asks ringfinder before a user is created.
 *
 * Secrets of the Action: RINGFINDER_URL, such as https://ringfinder.example.com, and
 * RINGFINDER_SECRET, one of the secrets in RINGFINDER_HOOK_AUTH0_SECRET (whsec_...).
 *
 * Nobody is locked out because ringfinder is away: without an answer in time the user registers.
 */
const crypto = require("crypto");

const TIMEOUT_MS = 300;

exports.onExecutePreUserRegistration = async (event, api) => {
  const eventId = crypto.randomUUID();
  // Kept with the user: post-user-registration.js tells ringfinder which user the attempt became.
  api.user.setAppMetadata("ringfinder_event_id", eventId);
  const answer = await post(event.secrets, {
    trigger: "pre-user-registration",
    event_id: eventId,
    event: {
      user: pick(event.user, ["email", "email_verified", "phone_number"]),
      request: {
        ip: event.request.ip,
        user_agent: event.request.user_agent,
        geoip: pick(event.request.geoip, ["countryCode"]),
      },
      security_context: pick(event.security_context, ["ja3", "ja4"]),
    },
  });
  if (answer && answer.decision === "deny") {
    api.access.deny("ringfinder: " + eventId, answer.message);
  } else if (answer && answer.decision !== "allow") {
    // Not denied: ask for more at the first log-in, as your own flow sees fit.
    api.user.setAppMetadata("ringfinder_decision", answer.decision);
  }
};

function pick(from, names) {
  const found = {};
  for (const name of names) if (from && from[name] !== undefined) found[name] = from[name];
  return found;
}

async function post(secrets, payload) {
  const body = JSON.stringify(payload);
  const id = "msg_" + crypto.randomUUID();
  const time = Math.floor(Date.now() / 1000).toString();
  const key = Buffer.from(secrets.RINGFINDER_SECRET.replace(/^whsec_/, ""), "base64");
  const mac = crypto.createHmac("sha256", key).update(`${id}.${time}.${body}`).digest("base64");
  try {
    const answer = await fetch(secrets.RINGFINDER_URL + "/v1/hooks/auth0", {
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
    return answer.ok ? await answer.json() : null;
  } catch (error) {
    console.log("ringfinder did not answer: " + error.name);
    return null;
  }
}
