import Kernels

/// The texts of one step, packed: the ids of all sequences one after another, without padding.
package struct Batch: Sendable {
    /// The token ids, `[tokens]`.
    package let ids: [Int]
    /// The first row of each sequence, then the number of rows: `[sequences + 1]`.
    package let offsets: [Int]

    /// Packs sequences, none of them empty.
    package init(_ sequences: some Collection<[Int]>) {
        precondition(sequences.allSatisfy { !$0.isEmpty }, "an empty sequence")
        ids = sequences.flatMap { $0 }
        offsets = sequences.reduce(into: [0]) { $0.append($0.last! + $1.count) }
    }
}

/// What the layers need to know about one run over a batch, forward and back.
package struct Pass: Sendable {
    /// What decides the dropout masks of a training step.
    package struct Randomness: Sendable {
        let seed: UInt64
        let step: UInt64

        /// Creates the randomness of one step.
        package init(seed: UInt64, step: UInt64) { (self.seed, self.step) = (seed, step) }
    }

    /// The first row of each sequence, then the number of rows.
    let offsets: [Int]
    /// The rows that the encoder's last layer has to compute, ascending; nil: all. What is not read of it need not be there.
    private(set) var outputRows: [Int]?
    /// Nil where nothing is dropped: at inference.
    private(set) var randomness: Randomness?
    /// Whether the backward pass takes everything for constant that only scales: the probabilities of attention, the deviations of
    /// LayerNorm, and f(x) / x of the activation functions.
    ///
    /// What it finds is then not the gradient of the model, but that of a network that gives the same output and is linear, but for
    /// its biases: gradient × input says what each part of the input adds to the output (Ali et al., *XAI for Transformers: Better
    /// Explanations through Conservative Propagation*, 2022; for the activation functions, Achtibat et al., *AttnLRP*, 2024).
    private(set) var isLinearized = false
    let workers: Workers

    /// Creates a pass over a batch with these offsets.
    ///
    /// - Parameter firstRowsOnly: whether only the first row of each sequence is read of the encoder's output
    package init(offsets: [Int], firstRowsOnly: Bool = false, randomness: Randomness? = nil, workers: Workers) {
        self.init(
            offsets: offsets, outputRows: firstRowsOnly ? offsets.dropLast() : nil, randomness: randomness,
            workers: workers)
    }

    private init(offsets: [Int], outputRows: [Int]?, randomness: Randomness?, workers: Workers) {
        self.offsets = offsets
        self.outputRows = outputRows
        self.randomness = randomness
        self.workers = workers
    }

    /// The same without dropout, for layers that are frozen.
    var withoutDropout: Pass { changed { $0.randomness = nil } }

    /// The same for layers whose output is read as a whole.
    var withAllRows: Pass { changed { $0.outputRows = nil } }

    /// The same with ``isLinearized``.
    var linearized: Pass { changed { $0.isLinearized = true } }

    private func changed(_ change: (inout Pass) -> Void) -> Pass {
        var pass = self
        change(&pass)
        return pass
    }

    func dropout(_ rate: Float, site: UInt32) -> Dropout? {
        randomness.map { Dropout(rate: rate, seed: $0.seed, site: site, step: $0.step) }
    }
}
