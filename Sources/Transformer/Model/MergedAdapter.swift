import Kernels

extension SequenceClassifier {
    /// The same function without an adapter: W + (α / r) · B A in place of W.
    ///
    /// - Throws: ``ModelError`` if there is no memory for a second model.
    package func merged(on workers: Workers) throws -> SequenceClassifier {
        guard let lora = configuration.lora else { return self }
        var configuration = configuration
        configuration.lora = nil
        let places = Dictionary(uniqueKeysWithValues: layout.parameters.map { ($0.name, $0.block) })
        return try SequenceClassifier(configuration) { plain in
            var buffer = FloatBuffer(count: plain.count)
            for parameter in plain.parameters {
                guard let block = places[parameter.name] else { preconditionFailure("a parameter that is not there") }
                buffer.copy(parameters, block.range, to: parameter.block.offset)
            }
            let merged = Dictionary(uniqueKeysWithValues: plain.parameters.map { ($0.name, $0.block) })
            var update = Matrix()
            for path in lora.targets.flatMap({ $0.paths(layers: configuration.layers) }) {
                guard let weight = merged["\(path).weight"],
                    let a = places["\(path).\(LowRankUpdate.inputName).weight"],
                    let b = places["\(path).\(LowRankUpdate.outputName).weight"]
                else { preconditionFailure("an update of a layer that is not there") }
                linearBackward(parameters[b], weight: parameters[a], into: &update, on: workers)
                buffer.add(update, times: lora.scale, to: weight)
            }
            return buffer
        }
    }
}
