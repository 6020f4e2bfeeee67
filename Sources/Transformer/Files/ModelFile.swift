/// The names of a model folder's files.
enum ModelFile {
    static let configuration = "config.json"
    static let weights = "model.safetensors"
    /// Of weights in several files.
    static let index = "model.safetensors.index.json"
    /// Of older folders.
    static let pickled = "pytorch_model.bin"
    static let pickledIndex = "pytorch_model.bin.index.json"
    /// Of adapters.
    static let adapterConfiguration = "adapter_config.json"
    static let adapterWeights = "adapter_model.safetensors"
    static let pickledAdapter = "adapter_model.bin"
    /// Of sentence-transformers folders.
    static let pooling = "1_Pooling/config.json"
    static let modules = "modules.json"
    /// By the names that different versions have given it.
    static let sentenceLimits = ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"].map {
        "sentence_\($0)_config.json"
    }
    static let prompts = "config_sentence_transformers.json"
}
