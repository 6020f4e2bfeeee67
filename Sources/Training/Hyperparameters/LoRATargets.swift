import Transformer

/// What has updates in a training with LoRA, as a user writes it: `query,value`
package struct LoRATargets: HyperparameterValue, Equatable {
    /// Each once, in the order of the cases.
    package let targets: [LoRA.Target]

    /// What Hu et al. adapt, 2021, section 4.2.
    package static let usual = LoRATargets(targets: [.query, .value])

    private init(targets: [LoRA.Target]) { self.targets = targets }

    package init?(text: String) {
        let names = text.split(separator: ",", omittingEmptySubsequences: false)
        let targets = text == "all" ? LoRA.Target.ofLayers : names.compactMap { LoRA.Target(rawValue: String($0)) }
        guard text == "all" || targets.count == names.count && Set(targets).count == names.count else { return nil }
        self.targets = LoRA.Target.allCases.filter(targets.contains)
    }

    package var text: String { targets.map(\.rawValue).joined(separator: ",") }
}
