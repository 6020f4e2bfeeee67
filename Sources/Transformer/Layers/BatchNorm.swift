import Kernels

/// y = (x − μ) / √(σ² + ε) · gain + bias, with mean and variance of each feature over the tokens of a batch; at inference, over those of
/// the batches of the training: running ← 0.9 · running + 0.1 · of the batch.
///
/// The rows are those of all texts, so that an answer in training depends on what else is in the batch, which it does in no other layer.
///
/// ### References
/// Ioffe & Szegedy, *Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift*, 2015, algorithms 1
/// and 2; the weight of a new batch, ε and the unbiased running variance are PyTorch's.
package struct BatchNorm: NormLayer {
    let gain: Block
    let bias: Block
    /// They are parameters whose gradients stay 0.
    let runningMean, runningVariance: Block

    package static let epsilon: Float = 1e-5
    private static let weightOfBatch: Float = 0.1

    /// Asks `layout` for the parameters `name.weight`, the gain, `name.bias`, `name.running_mean` and `name.running_var`.
    package init(_ name: String, _ configuration: Configuration, in layout: inout ParameterLayout) {
        gain = layout.gain("\(name).weight", configuration.hiddenSize)
        bias = layout.bias("\(name).bias", configuration.hiddenSize)
        runningMean = layout.vector("\(name).running_mean", configuration.hiddenSize, from: 0)
        runningVariance = layout.vector("\(name).running_var", configuration.hiddenSize, from: 1)
    }

    /// - Parameter statistics: become `[3, hidden]`: means, 1 / √(σ² + ε), and unbiased variances
    package func forward(_ x: Matrix, into y: inout Matrix, keeping statistics: inout Matrix, in pass: Pass) {
        let p = pass.parameters
        if pass.isTraining {
            batchStatistics(of: x, epsilon: Self.epsilon, into: &statistics, on: pass.workers)
        } else {
            runningStatistics(
                means: p[runningMean], variances: p[runningVariance], epsilon: Self.epsilon, into: &statistics)
        }
        batchNorm(x, statistics: statistics, gain: p[gain], bias: p[bias], into: &y, on: pass.workers)
    }

    package func backward(_ gradient: inout Matrix, input x: Matrix, kept statistics: Matrix, in pass: Pass) {
        let (gradients, sums) = (pass.gradients, pass.scratch)
        batchNormSums(gradient, x, statistics: statistics, into: &sums.columnSums, on: pass.workers)
        if let gain = gradients.block(of: gain), let bias = gradients.block(of: bias) {
            batchNormBackward(
                sums: sums.columnSums, into: &gradients.values, at: (gain, bias), adding: gradients.isAdding)
        }
        batchNormBackward(
            &gradient, x, statistics: statistics, gain: pass.parameters[gain],
            sums: pass.isTraining ? sums.columnSums : nil, on: pass.workers)
    }

    package func remember(_ statistics: Matrix, in parameters: inout FloatBuffer) {
        guard statistics.rows == 3 else { return }
        for (block, row) in [(runningMean, 0), (runningVariance, 2)] {
            parameters.move(block, towards: statistics.row(row), by: Self.weightOfBatch)
        }
    }
}
