/** This module writes a question as a command for a terminal. */

/**
 * The command for a question. What only its owner may know stands in it as a name of the shell's: whoever wants to go on
 * in the same conversation sets `SESSION`, and whoever needs a key sets `KEY`. So the command can be shown to others.
 */
export function curlOf(question, { address, hasSession, hasKey }) {
  const parts = [`curl -N ${quoteForShell(address)}`];
  if (hasKey) parts.push('-H "Authorization: Bearer $KEY"');
  if (hasSession) parts.push('--form-string "sessionId=$SESSION"');
  parts.push(`--form-string ${quoteForShell(`question=${question}`)}`);
  return parts.join(" ");
}

function quoteForShell(word) {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
