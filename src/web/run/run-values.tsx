import type { RunDetail, TaskRunData } from "../data/shapes.ts";

type ValuesProps = { readonly run: RunDetail; readonly tasks: readonly TaskRunData[] };

/** Returns how many params and outputs a run has. */
export const countValues = ({ run, tasks }: ValuesProps): number =>
  Object.keys(run.params).length +
  Object.keys(run.outputs).length +
  tasks.reduce((sum, { outputs }) => sum + Object.keys(outputs).length, 0);

/** Shows the params of a run, and the outputs of its job and its tasks. */
export const RunValues = ({ run, tasks }: ValuesProps) => {
  const params = Object.entries(run.params);
  const outputs = tasks.filter((task) => Object.keys(task.outputs).length > 0);
  return (
    <div className="run-values">
      {params.length > 0 && (
        <section aria-labelledby="params">
          <h2 id="params">Params</h2>
          <Values of={params} />
        </section>
      )}
      {Object.keys(run.outputs).length > 0 && (
        <section aria-labelledby="job-outputs">
          <h2 id="job-outputs">Outputs of the job</h2>
          <Values of={Object.entries(run.outputs)} />
        </section>
      )}
      {outputs.length > 0 && (
        <section aria-labelledby="outputs">
          <h2 id="outputs">Outputs</h2>
          {outputs.map((task) => (
            <div key={task.task_id} className="run-outputs">
              <h3>{task.name}</h3>
              <Values of={Object.entries(task.outputs)} />
            </div>
          ))}
        </section>
      )}
    </div>
  );
};

const Values = ({ of }: { readonly of: readonly (readonly [string, string])[] }) => (
  <dl className="facts">
    {of.map(([name, value]) => (
      <div key={name} className="shortcut">
        <dt className="mono">{name}</dt>
        <dd className="run-value">{value === "" ? <span className="muted">empty</span> : value}</dd>
      </div>
    ))}
  </dl>
);
