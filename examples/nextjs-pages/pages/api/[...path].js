import { passOn } from "../../lib/qa.js";

// The body must arrive as it was sent, and the answer isn't over when the handler returns.
export const config = { api: { bodyParser: false, externalResolver: true, responseLimit: false } };

export default passOn;
