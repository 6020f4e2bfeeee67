extension Family {
    /// Clark, Luong, Le & Manning, *ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators*, 2020: BERT with narrower embeddings and
    /// another head.
    static var electra: Family {
        Family(
            name: "ELECTRA", modelType: "electra", architecturePrefix: "Electra", prefix: "electra.",
            defaults: defaults {
                $0.embeddingSize = 128
                $0.pooler.activation = .gelu
                $0.pooler.dropsInput = true
            },
            keys: keysOfBERT(positions: \.maximumLength) + [ConfigurationKey("embedding_size", \.embeddingSize)],
            encoderNames: namesOfBERT.merging(["embeddings.projection": "embeddings_project"]) { $1 },
            headNames: namesOfRoBERTasHead)
    }
}
