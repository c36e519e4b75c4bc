/** Why a tool can't do what was asked. Its message says what to do next. */
export class ToolError extends Error {
  override readonly name = "ToolError";
}
