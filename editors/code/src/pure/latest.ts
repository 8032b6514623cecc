/**
 * Asks for what is typed: waits until typing pauses, cancels the question before, and lets only the answer to the last
 * one through.
 */

export interface Asking<Question, Answer> {
  /** Asks; the signal is aborted when nobody waits for the answer any more. */
  ask(question: Question, signal: AbortSignal): Promise<Answer>;
  begun(): void;
  answered(question: Question, answer: Answer): void;
  failed(question: Question, error: unknown): void;
  later(milliseconds: number, work: () => void): () => void;
}

export class Latest<Question, Answer> {
  private running: AbortController | undefined;
  private cancelPause: (() => void) | undefined;
  private answered: { readonly question: Question } | undefined;

  constructor(
    private readonly asking: Asking<Question, Answer>,
    private readonly pause: number,
  ) {}

  /** Asks after a pause, unless something else is asked before. */
  askSoon(question: Question): void {
    this.cancelPause?.();
    this.cancelPause = this.asking.later(this.pause, () => {
      this.askNow(question);
    });
  }

  /** Whether the last answer, or failure, was to this question. */
  isAnswered(question: Question): boolean {
    return this.answered?.question === question;
  }

  askNow(question: Question): void {
    this.abort();
    const controller = new AbortController();
    this.running = controller;
    this.asking.begun();
    this.asking.ask(question, controller.signal).then(
      (answer) => {
        if (!controller.signal.aborted) {
          this.answered = { question };
          this.asking.answered(question, answer);
        }
      },
      (error: unknown) => {
        if (!controller.signal.aborted) {
          this.answered = { question };
          this.asking.failed(question, error);
        }
      },
    );
  }

  /** Nobody waits any more, and what was answered does not count. */
  cancel(): void {
    this.abort();
    this.answered = undefined;
  }

  private abort(): void {
    this.cancelPause?.();
    this.cancelPause = undefined;
    this.running?.abort();
    this.running = undefined;
  }
}
