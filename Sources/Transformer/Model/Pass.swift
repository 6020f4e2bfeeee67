import Kernels

/// What one run over a batch carries from layer to layer, forward and back.
///
/// A layer only reads it, but for what ``scratch`` and ``gradients`` refer to.
package struct Pass {
    /// What decides the dropout masks of a training step.
    package struct Randomness: Sendable {
        let seed: UInt64
        let step: UInt64

        /// Creates the randomness of one step.
        package init(seed: UInt64, step: UInt64) { (self.seed, self.step) = (seed, step) }
    }

    /// All parameters of the model, of which a layer knows its own.
    let parameters: FloatBuffer
    /// What is multiplied in place of some of them.
    let narrow: NarrowWeights
    /// Where the backward pass leaves the gradients of the parameters.
    let gradients: Gradients
    let scratch: Scratch
    /// The threads.
    let workers: Workers
    /// The first row of each sequence, then the number of rows.
    let offsets: [Int]
    /// The rows that the encoder's last layer has to compute, ascending; nil: all. What is not read of it need not be there.
    package var outputRows: [Int]?
    /// Nil where nothing is dropped: at inference.
    package var randomness: Randomness?
    /// Whether this is a step of training: what is normalised by the statistics of a batch then is.
    var isTraining: Bool { randomness != nil }
    /// Where linear layers note what they are given; nil: nowhere.
    var inputs: RecordedInputs?
    /// What the backward pass takes for derivatives.
    var derivatives = Derivatives.exact

    /// Creates a pass over a batch with these offsets.
    ///
    /// - Parameter gradients: nil: none are wanted of parameters
    package init(
        parameters: FloatBuffer, narrow: NarrowWeights = NarrowWeights(), gradients: Gradients? = nil,
        scratch: Scratch = Scratch(), offsets: [Int],
        on workers: Workers
    ) {
        self.parameters = parameters
        self.narrow = narrow
        self.gradients = gradients ?? Gradients()
        self.scratch = scratch
        self.offsets = offsets
        self.workers = workers
    }

    /// The same with a change, for some of the layers.
    func with<Value>(_ property: WritableKeyPath<Pass, Value>, _ value: Value) -> Pass {
        var pass = self
        pass[keyPath: property] = value
        return pass
    }

    /// What is dropped at a place in the model; nil: nothing.
    func mask(_ site: DropoutSite) -> Dropout? {
        randomness.map { Dropout(rate: site.rate, seed: $0.seed, stream: .dropout(site.number), step: $0.step) }
    }
}
