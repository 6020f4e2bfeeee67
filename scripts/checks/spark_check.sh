#!/usr/bin/env bash
# Answers a DataFrame on a cluster of three executors with Examples/spark/predict.py, while one process is killed together with its executor, one alone,
# and one fails: every row has to be there, once, with its columns as they were and the answer that one `addnorm predict` gives. The same with rdd.pipe.
# Some minutes. Needs a build of the program: swift build -c release. Installs Java where it is missing, and PySpark in .build/.
# Usage: spark_check.sh [MODEL]    (default: a small one, trained for it on data/reviews)
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v java >/dev/null || scripts/setup/install-dependencies.sh openjdk-17-jre-headless
python=$PWD/.build/spark-venv/bin/python
[ -x "$python" ] || python3 -m venv .build/spark-venv
"$python" -m pip install --quiet "pyspark[sql]==4.3.0" "pandas<3"
program=$(swift build -c release --show-bin-path)/addnorm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
model=${1:-$work/model}
if [ $# -eq 0 ]; then
    "$program" train --train data/reviews/train.tsv --dev data/reviews/dev.tsv --output "$model" --db "$work/runs.sqlite" --threads 1 \
        --hidden-size 32 --layers 2 --heads 2 --intermediate-size 64 --epochs 4 --learning-rate 0.002 --ngrams off >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
fi

# The program, as the nodes have it: three of its processes end after 300 texts, in the middle of their partitions.
mkdir "$work/processes"
cat >"$work/addnorm" <<PROGRAM
#!/usr/bin/env bash
number=0
until mkdir "$work/processes/\$number" 2>/dev/null; do number=\$((number + 1)); done
executor=\$\$
until [ "\$(ps -o comm= -p "\$executor")" = java ]; do executor=\$(ps -o ppid= -p "\$executor" | tr -d ' '); done
say() { echo "process \$number: \$*" >>"$work/deaths"; }
case \$number in
    4) exec "$program" "\$@" < <(head -n 300; sleep 1; say "killed, and its executor (\$executor)"; kill -9 "\$executor" \$\$) ;;
    9) exec "$program" "\$@" < <(head -n 300; sleep 1; say killed; kill -9 \$\$) ;;
    12) head -n 300 | "$program" "\$@"; say "failed"; echo "the disk is on fire" >&2; exit 1 ;;
esac
exec "$program" "\$@"
PROGRAM
chmod +x "$work/addnorm"
# As --archives takes it.
tar -C "$model" -czf "$work/model.tar.gz" .

export PYTHONPATH=Examples/spark PYSPARK_PYTHON=$python SPARK_LOCAL_IP=127.0.0.1 SPARK_WORKER_DIR=$work/nodes
"$python" - "$work" "$program" "$model" <<'PYTHON'
import glob, json, os, random, subprocess, sys, time
from collections import Counter
import numpy
from pyspark.sql import SparkSession
from predict import with_answers

work, program, model = sys.argv[1:]
rows, odd = 40_000, ["", " ", "two\nlines\r\nof \"text\", and\ta tab", "C:\\new\\table", "太好吃了，下次还来。", "déjà vu 👍🏽 \u2028 \u0000", None, "x" * 5000]
reviews = [line.rsplit("\t", 1)[0] for line in open("data/reviews/train.tsv", encoding="utf-8")]
draw = random.Random(1)
texts = [draw.choice(odd) if i % 10 == 3 else " ".join(draw.sample(reviews, draw.randint(1, 2))) for i in range(rows)]
# Integers that no floating-point number has.
numbers = [None if i % 7 == 0 else 2**53 + 2 * i + 1 for i in range(rows)]
with open(f"{work}/input.jsonl", "w", encoding="utf-8") as file:
    for i, text in enumerate(texts):
        file.write(json.dumps({"id": i, "text": text, "number": numbers[i]}, ensure_ascii=False) + "\n")

with open(f"{work}/asked.jsonl", "w", encoding="utf-8") as file:
    file.writelines(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts) if text is not None)
command = [program, "predict", "--model", model, "--threads", "1", "--format", "jsonl", "--text-column", "text", "--id-column", "id", "--json"]
lines = subprocess.run([*command, f"{work}/asked.jsonl"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split(b"\n")
wanted = {int(answer["id"]): answer for answer in map(json.loads, filter(None, lines))}
print(f"one process: {len(wanted)} answers; {rows - len(wanted)} of {rows} texts are null")

spark = (
    SparkSession.builder.master("local-cluster[3,1,1024]").appName("spark_check").config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false").config("spark.log.level", "OFF").config("spark.local.dir", work).config("spark.archives", f"{work}/model.tar.gz#model")
    .config("spark.submit.pyFiles", os.path.abspath("Examples/spark/predict.py")).config("spark.sql.warehouse.dir", f"{work}/warehouse")
    .getOrCreate())
frame = spark.read.schema("id long, text string, number long").json(f"{work}/input.jsonl")
# One partition has half of the rows, sixteen share the others, four are empty.
divided = frame.where("id < 20000").coalesce(1).union(frame.where("id >= 20000").repartition(16)).union(
    spark.createDataFrame(spark.sparkContext.parallelize([], 4), frame.schema))
failed = 0


def check(what, right):
    global failed
    failed += not right
    print(("ok    " if right else "WRONG ") + what, flush=True)


def same(row):
    answer = wanted.get(row.id, {"label": None, "confidence": None, "probabilities": None})
    float32 = lambda number: None if number is None else float(numpy.float32(number))
    probabilities = answer["probabilities"] and {label: float32(p) for label, p in answer["probabilities"].items()}
    return (row.text, row.number, row.label, row.confidence, row.probabilities) == (
        texts[row.id], numbers[row.id], answer["label"], float32(answer["confidence"]), probabilities)


start = time.time()
answered = with_answers(divided, "model", program=f"{work}/addnorm").collect()
deaths = open(f"{work}/deaths").read().split("\n")[:-1]
print(f"{divided.rdd.getNumPartitions()} partitions, {len(os.listdir(f'{work}/processes'))} processes, {time.time() - start:.0f} s; " + "; ".join(deaths))
check("three processes have died, one with its executor", len(deaths) == 3)
check(f"each of {rows} rows is there, once ({len(answered)})", Counter(row.id for row in answered) == Counter(range(rows)))
check("its columns and its answer are the same as of one process", all(map(same, answered)))
check("the labels are several", len({answer["label"] for answer in wanted.values()}) > 1)

some = with_answers(divided, "model", program=program).limit(5).collect()
check("of a frame that is not read to its end, 5 rows", len(some) == 5 and all(map(same, some)))

try:
    with_answers(frame, "/no/model", program=program).collect()
    check("a model that is not there is an error", False)
except Exception as error:
    said = [line for line in str(error).splitlines() if "addnorm ended with status" in line]
    check(f"a model that is not there is an error: {said[-1].strip() if said else error}", bool(said) and "/no/model" in said[-1])
try:
    with_answers(spark.createDataFrame([("a", "b")], "text string, label string"), "model")
    check("a column that is called as an answer's is refused", False)
except ValueError as error:
    check(f"a column that is called as an answer's is refused: {error}", True)

pipe = " ".join([*command[:4], "--threads 1 --format jsonl --id-column id --json"]).replace(model, os.path.abspath(model))
lines = spark.sparkContext.textFile(f"{work}/asked.jsonl", 6).pipe(pipe, checkCode=True).collect()
piped = {int(answer["id"]): answer for answer in map(json.loads, lines)}
check(f"rdd.pipe: {len(lines)} answers, the same", len(lines) == len(wanted) and piped == wanted)
spark.stop()

# The script by itself, as its first lines say.
submit = [os.path.join(os.path.dirname(sys.executable), "spark-submit"), "--master", "local[2]", "--archives", f"{work}/model.tar.gz#model"]
submit += ["--conf", "spark.task.cpus=2", "Examples/spark/predict.py", "--program", program, "--model", "model", "--format", "json"]
subprocess.run([*submit, f"{work}/asked.jsonl", f"{work}/answers"], check=True, stderr=subprocess.DEVNULL)
lines = [json.loads(line) for part in glob.glob(f"{work}/answers/part-*") for line in open(part, encoding="utf-8")]
check(f"spark-submit: {len(lines)} answers, the same", len(lines) == len(wanted) and all(
    row["label"] == wanted[row["id"]]["label"] and row["text"] == texts[row["id"]] for row in lines))
sys.exit(failed > 0)
PYTHON
echo "Examples/spark: as it should be"
