import Foundation
import Kernels

/// How many times as long OpenBLAS takes as the tiles, for each product of a layer of some hidden sizes.
///
/// Both run in turn, and the median of the ratios is printed: above 1 the tiles are faster.
func printProductsTable(threads: Int) {
    let workers = Products.allCases.map { Workers(count: threads, products: $0) }
    print("\(threads) threads; time of OpenBLAS / time of the tiles\n")
    print("hidden  rows   y = x Wᵀ + b              dx = dy W                 dW = dyᵀ x")
    print("               h → h   h → 4h  4h → h    h → h   h → 4h  4h → h    h → h   h → 4h  4h → h")
    for hidden in [128, 384, 768, 1024] {
        for rows in [1, 24, 700] {
            let shapes = [(hidden, hidden), (hidden, 4 * hidden), (4 * hidden, hidden)]
            let products = shapes.map { LinearProducts(rows: rows, inputs: $0, outputs: $1) }
            let columns = [LinearProducts.forward, LinearProducts.inputGradient, LinearProducts.parameterGradients].map
            {
                product in
                products.map { String(format: "%-8.2f", medianRatio($0, product, workers)) }.joined()
            }
            print(String(format: "%6d  %4d   ", hidden, rows) + columns.joined(separator: "  "))
        }
    }
}

/// The median of OpenBLAS's time divided by that of the tiles.
private func medianRatio(
    _ products: LinearProducts, _ product: (LinearProducts) -> (Workers) -> Void, _ workers: [Workers]
) -> Double {
    let run = product(products)
    let clock = ContinuousClock()
    // What takes microseconds is measured several times at once.
    let once = workers.map { workers in
        run(workers)
        return clock.measure { run(workers) } / .seconds(1)
    }.max()!
    let repetitions = max(1, Int(0.0005 / once))
    var ratios: [Double] = []
    let start = clock.now
    while ratios.count < 15 || clock.now - start < .milliseconds(100) {
        let times = workers.map { workers in
            clock.measure { for _ in 0..<repetitions { run(workers) } } / .seconds(1)
        }
        ratios.append(times[1] / times[0])
    }
    return ratios.sorted()[ratios.count / 2]
}

/// The three products of a linear layer.
private final class LinearProducts {
    private let (x, dy, weight, bias): (Matrix, Matrix, Matrix, Matrix)
    private var (y, dx): (Matrix, Matrix)
    private var gradients: FloatBuffer

    init(rows: Int, inputs: Int, outputs: Int) {
        (x, dy, weight, bias) = (
            matrix(rows, inputs), matrix(rows, outputs), matrix(outputs, inputs), matrix(1, outputs)
        )
        (y, dx) = (Matrix(columns: outputs), Matrix(columns: inputs))
        gradients = FloatBuffer(count: outputs * inputs + outputs)
    }

    func forward(on workers: Workers) { linear(x, weight: weight, bias: bias, into: &y, on: workers) }

    func inputGradient(on workers: Workers) { linearBackward(dy, weight: weight, into: &dx, on: workers) }

    func parameterGradients(on workers: Workers) {
        linearBackward(
            dy, x, weight: Block(offset: 0, rows: weight.rows, columns: weight.columns),
            bias: Block(offset: weight.count, columns: weight.rows), into: &gradients, adding: false, on: workers)
    }
}
