/** The words by which the agent tells of what happens: an event's name and a sentence. */
export type Tell = (event: string, sentence: string) => void;
