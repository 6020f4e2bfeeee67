#!/usr/bin/env python3
"""Answers the texts of a DataFrame with `addnorm predict`, one process for each partition.

    pip install "pyspark[sql]==4.3.0" "pandas<3"
    spark-submit --conf spark.task.cpus=4 predict.py --model /models/reviews reviews.parquet answers.parquet

From a program: predict.with_answers(frame, "/models/reviews"), with predict.py among --py-files. Each row comes back once, with its own
columns as they were and those of ANSWER behind them. A process that fails, fails its task, which Spark runs again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress

import pyarrow as pa
from pyspark import SparkFiles, TaskContext
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

# What is taken of each answer, by its keys. Of a regression: value. Of several labels: labels, a list of strings, and the rest.
ANSWER = pa.schema(
    [("label", pa.string()), ("confidence", pa.float32()), ("probabilities", pa.map_(pa.string(), pa.float32()))])


def with_answers(frame, model, text="text", options=(), program="addnorm"):
    """The frame with an answer for each row; a row whose text is null has nulls there.

    model: its folder on every node; if the path is not absolute, of what --archives has brought there
    text: the column of the texts
    options: others of `addnorm predict`
    """
    taken = set(frame.columns) & set(ANSWER.names)
    if taken:
        raise ValueError(f"the frame has columns already that answers would get: {', '.join(sorted(taken))}")

    def answer(batches):
        folder = os.path.join(SparkFiles.getRootDirectory(), model)
        command = [program, "predict", "--model", folder, "--threads", str(TaskContext.get().cpus()), *options]
        return answers(batches, text, command)

    # Arrow's batches, and not pandas's, which makes floating-point numbers of integers where some are null.
    return frame.mapInArrow(answer, StructType(frame.schema.fields + from_arrow_schema(ANSWER).fields))


def answers(batches, column, command):
    """Each batch with its answers, from one process for all of them."""
    command = [*command, "--format", "jsonl", "--text-column", "text", "--id-column", "id", "--json"]
    # What it says on standard error goes to a file: nobody has to read it for the process to go on.
    with tempfile.TemporaryFile() as errors, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
    ) as process:

        def failure(what):
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
            return RuntimeError(f"addnorm {what}: {said or 'nothing on standard error'}")

        try:
            first = 0
            for batch in batches:
                ids = range(first, first + batch.num_rows)
                first += batch.num_rows
                texts = {id: text for id, text in zip(ids, batch.column(column).to_pylist()) if text is not None}
                # Texts are written while answers are read, since pipes hold few of either. It is answered as it comes: no later batch is needed.
                writer = threading.Thread(target=write, args=(process.stdin, texts), daemon=True)
                writer.start()
                found = {}
                for _ in texts:
                    line = process.stdout.readline()
                    if not line.endswith(b"\n"):
                        raise failure(f"ended with status {process.wait()} and {len(texts) - len(found)} texts unanswered")
                    answer = json.loads(line)
                    found[int(answer["id"])] = answer
                writer.join()
                if found.keys() != texts.keys():
                    raise failure("answered other texts than it was asked")
                rows = [found.get(id, {}) for id in ids]
                columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in ANSWER]
                yield pa.RecordBatch.from_arrays(batch.columns + columns, batch.schema.names + ANSWER.names)
            process.stdin.close()
            if process.stdout.read():
                raise failure("gave more answers than it was asked for")
            if process.wait() != 0:
                raise failure(f"ended with status {process.returncode}")
            errors.seek(0)
            sys.stderr.write(errors.read().decode(errors="replace"))
        finally:
            # Spark may want no more rows, or the task may have failed.
            process.kill()
            with suppress(BrokenPipeError):
                process.stdin.close()


def write(pipe, texts):
    """Writes texts as JSON Lines. If the process is no more, whoever reads its answers says so."""
    with suppress(BrokenPipeError):
        for id, text in texts.items():
            pipe.write(json.dumps({"id": id, "text": text}).encode() + b"\n")
        pipe.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="the model's folder on every node, or in one of --archives")
    parser.add_argument("--text", default="text", help="the column of the texts (default: text)")
    parser.add_argument("--program", default="addnorm", help="the program on every node (default: addnorm, on the PATH)")
    parser.add_argument("--format", default="parquet", help="of input and output: parquet, json, ... (default: parquet)")
    parser.add_argument("input")
    parser.add_argument("output")
    arguments = parser.parse_args()
    frame = SparkSession.builder.appName("addnorm predict").getOrCreate().read.format(arguments.format).load(arguments.input)
    answered = with_answers(frame, arguments.model, arguments.text, program=arguments.program)
    answered.write.format(arguments.format).save(arguments.output)
