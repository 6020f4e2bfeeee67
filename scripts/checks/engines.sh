#!/usr/bin/env bash
# Runs the examples for other engines on this machine, each with a process that is killed in the middle of its part: a job array on a Slurm of one node,
# GNU parallel, Open MPI, the commands of the Kubernetes manifests, which are also checked against its schemas, and the image of the Containerfile. All have
# to give the file that one process gives, byte for byte. The image is made on a Debian from its packages, and its program is linked from the objects of the
# build, since `swift build` would need the network, and ten minutes; no cluster of Kubernetes is there. Some minutes, on Debian 12, as root.
# Needs a build of the program: swift build -c release. Installs what is missing. spark_check.sh is for Spark.
# Usage: engines.sh [slurm|parallel|mpi|kubernetes|container…]    (default: all)
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$(swift build -c release --show-bin-path)
program=$build/addnorm
work=$(mktemp -d)
chmod 755 "$work"
started=()
trap 'for file in "${started[@]}"; do kill "$(cat "$file")" 2>/dev/null || true; done; sleep 1; rm -rf "$work"' EXIT
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }
wrong() { echo "$1" >&2; exit 1; }

quietly "$program" train --train data/reviews/train.tsv --dev data/reviews/dev.tsv --output "$work/model" --db "$work/runs.sqlite" --threads 1 \
    --hidden-size 32 --layers 2 --heads 2 --intermediate-size 64 --epochs 4 --learning-rate 0.002 --ngrams off
python3 - >"$work/reviews.csv" <<'PYTHON'
import csv, random, sys
draw, reviews = random.Random(1), [line.rsplit("\t", 1)[0] for line in open("data/reviews/train.tsv", encoding="utf-8")]
rows = csv.writer(sys.stdout)
rows.writerow(["id", "text"])
rows.writerows([number, draw.choice([" ", "\n", ', "so to say", ']).join(draw.sample(reviews, 2))] for number in range(40_000))
PYTHON
quietly "$program" predict --model "$work/model" --id-column id --threads 1 --output "$work/one" "$work/reviews.csv"
wanted=$work/one/part-0-of-1.jsonl

# The program as the engines have it: of each work ($ANSWERS), the first process of part 2 of 8 is killed when it has written rows.
mkdir "$work/bin"
cat >"$work/bin/addnorm" <<PROGRAM
#!/usr/bin/env bash
if [[ "\$* " == *" --shard 2/8 "* || \${JOB_COMPLETION_INDEX-}\${OMPI_COMM_WORLD_RANK-} == 2 ]] && mkdir "\$ANSWERS.killed" 2>/dev/null; then
    "$program" "\$@" &
    until [ -s "\$ANSWERS/part-2-of-8.jsonl.unfinished" ] || ! kill -0 \$!; do sleep 0.01; done
    kill -9 \$!
    wait \$! || exit
fi
exec "$program" "\$@"
PROGRAM
chmod +x "$work/bin/addnorm"
export PATH=$work/bin:$PATH
# Whether the process of part 2 was killed, what went on after it, by a log, and whether the merged file is as wanted.
finish() {
    [ -d "$ANSWERS.killed" ] || wrong "$1: no process was killed"
    grep -h 'part-2-of-8.jsonl goes on after' "${@:3}" || wrong "$1: nothing went on after the process that was killed"
    cmp "$2" "$wanted"
    echo "==> $1: the same as of one process"
}

check_slurm() {
    scripts/setup/install-dependencies.sh slurmctld slurmd slurm-client munge
    local node slurm=$work/slurm
    node=$(hostname -s)
    mkdir -p "$slurm"/{state,spool,jobs}
    head -c 128 /dev/urandom >"$slurm/key" && chmod 400 "$slurm/key"
    cat >"$slurm/slurm.conf" <<CONF
ClusterName=check
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthInfo=socket=$slurm/munge.socket,cred_expire=10
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd.pid
SlurmctldLogFile=$slurm/slurmctld.log
SlurmdLogFile=$slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MaxArraySize=8
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc)
PartitionName=all Nodes=ALL Default=YES
CONF
    export SLURM_CONF=$slurm/slurm.conf
    started+=("$slurm/slurmd.pid" "$slurm/slurmctld.pid" "$slurm/munged.pid")
    quietly munged --socket="$slurm/munge.socket" --key-file="$slurm/key" --pid-file="$slurm/munged.pid" --log-file="$slurm/munged.log" --seed-file="$slurm/munged.seed"
    quietly slurmctld -i
    quietly slurmd
    for _ in {1..30}; do [ "$(sinfo -h -o %t)" = idle ] && break; sleep 1; done
    sinfo --version
    sinfo -h

    local examples=$PWD/Examples/slurm
    ended() { while [ -n "$(squeue -h)" ]; do sleep 1; done; }
    submit() { (cd "$slurm/jobs" && sbatch --parsable --cpus-per-task=1 --time=10 "$@"); }
    export MODEL=$work/model ANSWERS=$work/by-slurm SHARDS=8 job again
    job=$(submit --array=0-7 "$examples/predict.sbatch" --id-column id "$work/reviews.csv")
    submit --dependency=afterany:"$job" "$examples/merge.sbatch" "$work/by-slurm.jsonl" >/dev/null
    ended
    finish "Slurm, 8 tasks" "$work/by-slurm.jsonl" "$slurm/jobs/addnorm-${job}_2.log"

    # More parts than an array can have tasks.
    ANSWERS=$work/by-two SHARDS=16
    submit --array=0-15 "$examples/predict.sbatch" && wrong "Slurm: an array larger than MaxArraySize is no error"
    job=$(FIRST=0 submit --array=0-7 "$examples/predict.sbatch" --id-column id "$work/reviews.csv")
    again=$(FIRST=8 submit --array=0-7 "$examples/predict.sbatch" --id-column id "$work/reviews.csv")
    submit --dependency=afterany:"$job:$again" "$examples/merge.sbatch" "$work/by-two.jsonl" >/dev/null
    ended
    cmp "$work/by-two.jsonl" "$wanted"
    echo "==> Slurm, 16 parts in two arrays: the same as of one process"

    # A part is missing: the merge says which, and only this is run.
    rm "$work/by-two.jsonl" "$ANSWERS"/part-11-of-16.*
    job=$(submit "$examples/merge.sbatch" "$work/by-two.jsonl")
    ended
    grep 'missing: 11$' "$slurm/jobs/addnorm-merge-$job.log"
    [ ! -e "$work/by-two.jsonl" ] || wrong "Slurm: merged, though a part is missing"
    job=$(FIRST=8 submit --array=3 "$examples/predict.sbatch" --id-column id "$work/reviews.csv")
    submit --dependency=afterany:"$job" "$examples/merge.sbatch" "$work/by-two.jsonl" >/dev/null
    ended
    cmp "$work/by-two.jsonl" "$wanted"
    echo "==> Slurm, a part that was missing: the same as of one process"
}

check_parallel() {
    scripts/setup/install-dependencies.sh parallel
    export ANSWERS=$work/by-parallel
    seq 0 7 | parallel --will-cite --jobs 2 --retries 3 addnorm predict --model "$work/model" --id-column id --threads 1 \
        --output "$ANSWERS" --shard {}/8 --resume "$work/reviews.csv" 2>"$work/parallel.log" || { cat "$work/parallel.log" >&2; exit 1; }
    addnorm shards merge "$ANSWERS" --output "$ANSWERS.jsonl"
    finish "GNU parallel" "$ANSWERS.jsonl" "$work/parallel.log"
}

check_mpi() {
    scripts/setup/install-dependencies.sh openmpi-bin
    export ANSWERS=$work/by-mpi
    run() { mpirun --allow-run-as-root --oversubscribe -n 8 addnorm predict --model "$work/model" --id-column id --threads 1 --output "$ANSWERS" --resume "$work/reviews.csv"; }
    run >"$work/mpi.log" 2>&1 && wrong "Open MPI: it does not say that a process was killed"
    addnorm shards status "$ANSWERS" || run >"$work/mpi.log" 2>&1 || { cat "$work/mpi.log" >&2; exit 1; }
    addnorm shards merge "$ANSWERS" --output "$ANSWERS.jsonl"
    finish "Open MPI, run twice" "$ANSWERS.jsonl" "$work/mpi.log"
}

check_kubernetes() {
    local python=$PWD/.build/kubernetes-venv/bin/python
    [ -x "$python" ] || python3 -m venv .build/kubernetes-venv
    "$python" -m pip install --quiet kubernetes-validate==1.37.0
    "$python" -m kubernetes_validate --strict Examples/kubernetes/*.yaml
    mkdir "$work/data"
    cp -r "$work/model" "$work/reviews.csv" "$work/data"
    export ANSWERS=$work/data/answers
    "$python" - "$work/data" >"$work/kubernetes.log" 2>&1 <<'PYTHON' || { cat "$work/kubernetes.log" >&2; exit 1; }
import os, subprocess, sys, yaml

def job(name):
    spec = yaml.safe_load(open(f"Examples/kubernetes/{name}.yaml"))["spec"]
    arguments = spec["template"]["spec"]["containers"][0]["args"]
    return spec, ["addnorm", *(word.replace("/data", sys.argv[1]).replace("$(CPUS)", "1") for word in arguments)]

# As pods do: each part until it is done, but not too often.
spec, command = job("predict")
assert f"--shard=/{spec['completions']}" in command
for index in range(spec["completions"]):
    for _ in range(1 + spec["backoffLimitPerIndex"]):
        if subprocess.run(command, env={**os.environ, "JOB_COMPLETION_INDEX": str(index)}).returncode == 0:
            break
subprocess.run(job("merge")[1], check=True)
PYTHON
    finish "Kubernetes' commands" "$work/data/answers.jsonl" "$work/kubernetes.log"
}

check_container() {
    scripts/setup/install-dependencies.sh buildah debootstrap
    local file=Examples/container/Containerfile container stages
    mapfile -t stages < <(sed -n 's/^FROM \([^ ]*\).*/\1/p' "$file")
    export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
    buildah() { command buildah --root "$work/images" --runroot "$work/containers" "$@"; }
    # An image from a folder, or a file: NAME SOURCE DESTINATION
    make() { container=$(buildah from scratch) && quietly buildah copy "$container" "$2" "$3" && quietly buildah commit "$container" "$1"; }

    # Neither of the images can be had without a registry: Debian is made from its packages, and the first stage gets it, too.
    quietly debootstrap --variant=minbase bookworm "$work/debian"
    make "${stages[1]}" "$work/debian" /
    ln -s /bin/true "$work/debian/usr/bin/swift"
    make "${stages[0]}" "$work/debian" /
    grep -q '^RUN swift build .*--static-swift-stdlib -Xlinker -s' "$file" || wrong "$file: builds another way than is checked here"
    sed '/^RUN swift build/d' "$file" >"$work/Containerfile"
    quietly buildah build --pull-never --target build -f "$work/Containerfile" -t all-but-swift-build .
    container=$(buildah from --pull-never all-but-swift-build)
    buildah run "$container" -- pkg-config --exists openblas sqlite3 libcrypto zlib
    buildah run "$container" -- ls Package.swift Sources Tests Benchmarks >/dev/null
    echo "==> Containerfile, the first stage but for 'swift build': files and libraries are there"

    # What --static-swift-stdlib links.
    swiftc -static-stdlib -Xlinker -s -Xlinker --defsym=main=AddNormProgram_main -o "$work/addnorm" "@$build/addnorm.product/Objects.LinkFileList" -lFoundation \
        -lCoreFoundation -lFoundationInternationalization -lFoundationEssentials -l_FoundationICU -l_FoundationCShims -l_FoundationCollections \
        -lswiftDispatch -lswiftSynchronization -lopenblas -lsqlite3 -lcrypto -lz 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
    make localhost/program "$work/addnorm" /addnorm/.build/release/addnorm
    quietly buildah build --pull-never --build-context build=container-image://localhost/program -f "$file" -t addnorm .
    container=$(buildah from --pull-never addnorm)
    [ "$(buildah inspect --format '{{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.User}}' "$container")" = "[addnorm] 1000" ] || wrong "$file: starts something else"
    mkdir "$work/volume"
    cp -r "$work/model" "$work/reviews.csv" "$work/volume"
    chown -R 1000:1000 "$work/volume"
    buildah run -v "$work/volume:/data" "$container" -- addnorm predict --model model --id-column id --threads 1 --output answers --shard 0/1 reviews.csv
    cmp "$work/volume/answers/part-0-of-1.jsonl" "$wanted"
    buildah run "$container" -- sh -c '[ "$(id -u)" = 1000 ] && ! ldd /usr/local/bin/addnorm | grep -E "swift|not found"'
    echo "==> Containerfile, the last stage: a user of its own, no library of Swift, and the same answers as of one process"
}

[ $# -gt 0 ] || set -- slurm parallel mpi kubernetes container
for engine in "$@"; do
    case $engine in
        slurm | parallel | mpi | kubernetes | container) "check_$engine" ;;
        *) wrong "$engine: slurm, parallel, mpi, kubernetes or container can be checked" ;;
    esac
done
