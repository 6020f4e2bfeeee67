import Foundation

/// What a teacher says of texts: a student learns its probabilities, beside the labels or in place of them.
///
/// With the student's logits z, the teacher's t, the temperature T and a text's share s, the text costs 1 − s times what its label costs
/// (``CrossEntropy``), and s T² KL(softmax(t / T) ‖ softmax(z / T)) besides. T² makes up for the gradient of the second, which is smaller by that.
///
/// ### References
/// Hinton, Vinyals & Dean, *Distilling the Knowledge in a Neural Network*, 2015, section 2.
package struct SoftTargets: Sendable {
    /// t, `[labels]` for each text
    package let logits: [[Float]]
    /// s of each text, from 0 to 1. A text without a label has 1.
    package let shares: [Float]
    /// T
    package let temperature: Double

    /// Creates what a teacher says of some texts.
    package init(logits: [[Float]], shares: [Float], temperature: Double) {
        precondition(
            shares.count == logits.count && temperature > 0, "a share for each text, and a temperature above 0")
        (self.logits, self.shares, self.temperature) = (logits, shares, temperature)
    }

    /// Of some of the texts, in the order of `indices`.
    package func at(_ indices: some Collection<Int>) -> SoftTargets {
        SoftTargets(
            logits: indices.map { logits[$0] }, shares: indices.map { shares[$0] }, temperature: temperature)
    }

    /// What is left for the label of a text: 1 − s.
    func shareOfLabel(_ text: Int) -> Double { 1 - Double(shares[text]) }

    /// s T² KL(softmax(t / T) ‖ softmax(z / T)) of one text.
    func loss(_ z: [Float], text: Int) -> Double {
        let (teacher, student) = (logProbabilities(logits[text]), logProbabilities(z))
        let divergence = zip(teacher, student).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        return Double(shares[text]) * temperature * temperature * divergence
    }

    /// The gradient of the whole loss with respect to the student's logits, from that of the labels' part, before that is scaled by 1 − s:
    /// (1 − s) g + s T (softmax(z / T) − softmax(t / T)).
    func mix(into gradient: inout Matrix, _ z: Matrix) {
        let labels = z.columns
        let g = gradient.mutablePointer()
        for text in shares.indices {
            let (teacher, student) = (logProbabilities(logits[text]), logProbabilities(z.row(text)))
            let (hard, soft) = (Float(shareOfLabel(text)), Double(shares[text]) * temperature)
            for label in 0..<labels {
                let index = text * labels + label
                g[index] = hard * g[index] + Float(soft * (exp(student[label]) - exp(teacher[label])))
            }
        }
    }

    /// log softmax(logits / T), in double.
    private func logProbabilities(_ logits: [Float]) -> [Double] {
        let scaled = logits.map { Double($0) / temperature }
        let largest = scaled.max() ?? 0
        let logSum = largest + log(scaled.reduce(0) { $0 + exp($1 - largest) })
        return scaled.map { $0 - logSum }
    }
}
