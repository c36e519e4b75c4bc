/** Returns the name of a task, with its id if that differs: `Go live (confirm)`. */
export const taskLabel = (name: string, taskId: string): string => (name === taskId ? taskId : `${name} (${taskId})`);
