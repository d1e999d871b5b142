// How questions are asked through a bad connection, in any platform. Chromium loads this file, too.

const IMPATIENT = { pause: 30, silence: 4_000 };

/**
 * Ask each question at once, and read each answer to its end. Returns for each: its frames as they came, its text, how it
 * ended, and how often its connection was lost.
 */
export function readAnswers(createClient, { url, token, questions }) {
  const client = createClient({ url, token: () => token, language: "en", ...IMPATIENT });
  return Promise.all(
    questions.map(async (question) => {
      const told = { question, frames: [], losses: 0 };
      const onState = (state) => (told.losses += state === "reconnecting");
      const answer = client.ask({ question, onState });
      for await (const frame of answer) told.frames.push(frame);
      const { text, status, answerId } = await answer.answer();
      return { ...told, text, status, answerId };
    }),
  );
}

/** The frames of an answer that is over, over a connection that nobody cuts. */
export async function readFrames(createClient, { url, token, answerId }) {
  const frames = [];
  for await (const frame of createClient({ url, token: () => token }).follow(answerId)) frames.push(frame);
  return frames;
}
