extension Family {
    /// Liu et al., *RoBERTa: A Robustly Optimized BERT Pretraining Approach*, 2019: BERT with other positions and another head.
    static var roBERTa: Family { ofRoBERTa("RoBERTa", modelType: "roberta", architecture: "Roberta") }

    /// Martin et al., *CamemBERT: a Tasty French Language Model*, 2020.
    static var camemBERT: Family {
        var family = ofRoBERTa("CamemBERT", modelType: "camembert", architecture: "Camembert")
        family.tokenizerClass = "CamembertTokenizer"
        return family
    }

    /// Conneau et al., *Unsupervised Cross-lingual Representation Learning at Scale*, 2020.
    static var xlmRoBERTa: Family { ofRoBERTa("XLM-RoBERTa", modelType: "xlm-roberta", architecture: "XLMRoberta") }

    /// The names of the head, which ELECTRA's has, too.
    static let namesOfRoBERTasHead = ["pooler": "classifier.dense", "classifier": "classifier.out_proj"]

    private static func ofRoBERTa(_ name: String, modelType: String, architecture: String) -> Family {
        Family(
            name: name, modelType: modelType, architecturePrefix: architecture, prefix: "roberta.",
            defaults: defaults {
                $0.positions = .learnedAfterPadding
                $0.paddingToken = 1
                $0.positionRows = 512
                $0.pooler.dropsInput = true
            },
            keys: keysOfBERT(positions: \.positionRows), encoderNames: namesOfBERT,
            headNames: namesOfRoBERTasHead)
    }
}
