import CKernels
import Foundation

/// The probabilities softmax(logits), row by row.
///
/// - Parameter logits: `[sequences, labels]`
package func softmax(_ logits: Matrix) -> Matrix {
    var probabilities = logits
    let p = probabilities.mutablePointer()
    for row in 0..<logits.rows { ck_softmax(logits.columns, 1, p + row * logits.columns) }
    return probabilities
}

/// The probabilities σ(logits) = 1 / (1 + exp(−logits)), element by element; in double, so that nothing is seen of how a system's library rounds.
///
/// - Parameter logits: `[sequences, labels]`
package func sigmoid(_ logits: Matrix) -> Matrix {
    var probabilities = logits
    let p = probabilities.mutablePointer()
    for index in 0..<logits.count { p[index] = Float(1 / (1 + exp(-Double(p[index])))) }
    return probabilities
}

/// The labels, or the numbers, that are right for some texts.
package enum Targets: Sendable, Equatable {
    /// The id of each text's label.
    case one([Int])
    /// The ids of each text's labels: none, one or more.
    case several([[Int]])
    /// Each text's number.
    case numbers([Double])

    /// Whether texts can have several labels.
    package var areSeveral: Bool { if case .several = self { true } else { false } }

    /// The number of texts.
    package var count: Int {
        switch self {
        case .one(let labels): labels.count
        case .several(let labels): labels.count
        case .numbers(let numbers): numbers.count
        }
    }

    /// The ids of one text's labels; none where it has a number.
    package subscript(text: Int) -> [Int] {
        switch self {
        case .one(let labels): [labels[text]]
        case .several(let labels): labels[text]
        case .numbers: []
        }
    }

    /// Each text's number; none where texts have labels.
    package var numbers: [Double] { if case .numbers(let numbers) = self { numbers } else { [] } }

    /// Puts the targets of several files together, which are all of one kind; there is at least one.
    package init(joining parts: [Targets]) {
        if case .numbers = parts[0] {
            self = .numbers(parts.flatMap(\.numbers))
            return
        }
        let labels = parts.flatMap { part in (0..<part.count).map { part[$0] } }
        self = parts[0].areSeveral ? .several(labels) : .one(labels.map { $0[0] })
    }

    /// The targets of some texts, in the order of `indices`.
    package func at(_ indices: some Sequence<Int>) -> Targets {
        switch self {
        case .one(let labels): .one(indices.map { labels[$0] })
        case .several(let labels): .several(indices.map { labels[$0] })
        case .numbers(let numbers): .numbers(indices.map { numbers[$0] })
        }
    }
}

/// The loss of a model's head, for a classifier with smoothed labels and weights for the classes as options.
///
/// Where each text has **one** label it is the mean over texts of −log softmax(logits)[target]. With p = softmax(logits), C
/// classes, w their weights, y the target and ε the smoothing, a text costs
/// (1 − ε) w[y] (−log p[y]) + ε / C · Σ w[c] (−log p[c]), and the sum over texts is divided by that of w[y]: as in PyTorch's
/// `CrossEntropyLoss`.
///
/// Where a text can have **several**, each label is a yes or no of its own: with p = σ(logits) and y[c] = 1 for the text's labels
/// and 0 for the others, smoothed to (1 − ε) y[c] + ε / 2, it is the mean over texts and labels of
/// −y[c] log p[c] − (1 − y[c]) log(1 − p[c]): as in PyTorch's `BCEWithLogitsLoss`. Classes have no weights there.
///
/// Where each text has a **number** y, it is the mean over texts of (z − y)², z being the only logit: as in PyTorch's `MSELoss`. But for constants that is the
/// cross-entropy with a normal distribution around z. Nothing is smoothed or weighted there.
///
/// ### References
/// Szegedy et al., *Rethinking the Inception Architecture for Computer Vision*, 2016, section 7 (label smoothing).
package struct CrossEntropy: Sendable {
    /// ε
    let labelSmoothing: Double
    /// w; nil: 1 for every class.
    let classWeights: [Double]?
    /// What a teacher says of the texts, where each has one label.
    package var teacher: SoftTargets?

    /// Creates a loss, by default the plain one.
    package init(labelSmoothing: Double = 0, classWeights: [Double]? = nil) {
        precondition((0..<1).contains(labelSmoothing), "label smoothing lies in 0 ..< 1")
        (self.labelSmoothing, self.classWeights) = (labelSmoothing, classWeights)
    }

    /// What the sum over texts is divided by: the sum of the weights of their classes, or the number of texts if each can have
    /// several labels, or a number.
    package func weight(of targets: Targets) -> Double {
        switch targets {
        case .one(let labels): labels.reduce(0) { $0 + weight($1) }
        case .several, .numbers: Double(targets.count)
        }
    }

    /// The loss, in nats; of numbers in their unit, squared.
    ///
    /// - Parameters:
    ///   - logits: `[sequences, labels]`
    ///   - targets: the label or labels of each row
    ///   - total: what the sum over the rows is divided by; nil: ``weight(of:)`` of the targets
    package func loss(_ logits: Matrix, targets: Targets, total: Double? = nil) -> Double {
        precondition(targets.count == logits.rows && logits.rows > 0, "one target per row")
        let labels = Double(logits.columns)
        var sum = 0.0
        switch targets {
        case .one(let targets):
            let share = labelSmoothing / labels
            for (row, target) in targets.enumerated() {
                let z = logits.row(row)
                let hard = teacher?.shareOfLabel(row) ?? 1
                let largest = z.max()!
                // log Σ exp(z) by the largest element, in double: a loss near 0 keeps its digits.
                let logSum = Double(largest) + log(z.reduce(0.0) { $0 + exp(Double($1 - largest)) })
                sum += hard * (1 - labelSmoothing) * weight(target) * (logSum - Double(z[target]))
                if share > 0 {
                    for (label, z) in z.enumerated() { sum += hard * share * weight(label) * (logSum - Double(z)) }
                }
                if let teacher { sum += teacher.loss(z, text: row) }
            }
        case .several(let targets):
            for (row, target) in targets.enumerated() {
                for (label, z) in logits.row(row).map(Double.init).enumerated() {
                    // −y log σ(z) − (1 − y) log(1 − σ(z)) = log(1 + exp(z)) − y z, without overflow.
                    sum += max(z, 0) + log1p(exp(-abs(z))) - smoothed(target.contains(label)) * z
                }
            }
            sum /= labels
        case .numbers(let targets):
            for (row, target) in targets.enumerated() {
                let error = Double(logits.row(row)[0]) - target
                sum += error * error
            }
        }
        return sum / (total ?? weight(of: targets))
    }

    /// The gradient of ``loss(_:targets:total:)`` with respect to the logits, `[sequences, labels]`.
    package func gradient(_ logits: Matrix, targets: Targets, total: Double? = nil) -> Matrix {
        precondition(targets.count == logits.rows, "one target per row")
        let labels = logits.columns
        var factor = 1 / (total ?? weight(of: targets))
        var gradient: Matrix
        switch targets {
        case .one(let targets):
            precondition(targets.allSatisfy { $0 >= 0 && $0 < labels }, "target out of range")
            let shares = (0..<labels).map { Float(labelSmoothing / Double(labels) * weight($0)) }
            gradient = softmax(logits)
            let g = gradient.mutablePointer()
            for (row, target) in targets.enumerated() {
                let g = g + row * labels
                let sharp = Float((1 - labelSmoothing) * weight(target))
                ck_scale(labels, sharp + shares.reduce(0, +), g)
                g[target] -= sharp
                for label in 0..<labels { g[label] -= shares[label] }
            }
            teacher?.mix(into: &gradient, logits)
        case .several(let targets):
            factor /= Double(labels)
            gradient = sigmoid(logits)
            let g = gradient.mutablePointer()
            for (row, target) in targets.enumerated() {
                for label in 0..<labels { g[row * labels + label] -= Float(smoothed(target.contains(label))) }
            }
        case .numbers(let targets):
            gradient = Matrix(
                targets.enumerated().map { Float(2 * (Double(logits.row($0)[0]) - $1)) }, columns: labels)
        }
        return gradient.scaled(by: Float(factor))
    }

    private func weight(_ label: Int) -> Double { classWeights?[label] ?? 1 }

    /// What a label that is right, or one that is not, should have for its probability where texts can have several labels.
    private func smoothed(_ isRight: Bool) -> Double { (isRight ? 1 - labelSmoothing : 0) + labelSmoothing / 2 }
}
