import Foundation
import Kernels
import Testing

@Suite struct AdamWTests {
    /// A table whose rows are updated when they are needed ends where one does that is updated as a whole, to the last bit.
    @Test(arguments: [Float(0.1), 0], [0, 40]) func rowsCatchUpExactly(_ weightDecay: Float, _ stepsBefore: Int) {
        let (rows, row, rest) = (9, 5, 4)
        let count = rows * row + rest
        func groups(_ size: Int?) -> [ParameterGroup] {
            [
                ParameterGroup(range: 0..<rows * row, learningRate: 0.5, weightDecay: weightDecay, row: size),
                ParameterGroup(range: rows * row..<count, weightDecay: 0),
            ]
        }
        let values = (0..<count).map { sin(Float($0)) }
        let moments = stepsBefore == 0 ? [Float](repeating: 0, count: count) : values.map { abs($0) }
        let start = AdamW(step: stepsBefore, firstMoment: FloatBuffer(moments), secondMoment: FloatBuffer(moments))
        var (whole, lazy) = (start, start)
        var (parameters, lazyParameters) = (FloatBuffer(values), FloatBuffer(values))
        let workers = Workers(count: 2)
        // Row 0 is read at every step, row 8 never, and the others now and then.
        for step in 1...30 {
            let touched = (0..<rows - 1).filter { step % ($0 + 1) == 0 }
            let gradients = FloatBuffer(
                (0..<count).map { $0 >= rows * row || touched.contains($0 / row) ? cos(Float($0 * step)) : 0 })
            let rate = 0.01 / Float(step)
            let norm = whole.update(
                &parameters, gradients: gradients, groups: groups(nil), learningRate: rate, maximumNorm: 100,
                on: workers)
            lazy.catchUp(touched, of: &lazyParameters, groups: groups(row), on: workers)
            let lazyNorm = lazy.update(
                &lazyParameters, gradients: gradients, groups: groups(row), rows: touched, learningRate: rate,
                maximumNorm: 100, on: workers)
            #expect(abs(norm - lazyNorm) < 1e-5 * norm)
            if step == 20 { lazy.catchUp(of: &lazyParameters, groups: groups(row), on: workers) }
        }
        lazy.catchUp(of: &lazyParameters, groups: groups(row), on: workers)
        for (a, b) in [
            (parameters, lazyParameters), (whole.firstMoment, lazy.firstMoment),
            (whole.secondMoment, lazy.secondMoment),
        ] {
            #expect((0..<count).allSatisfy { a[$0] == b[$0] })
        }
    }
}
