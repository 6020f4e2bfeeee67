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
    static let sentenceLimits = "sentence_bert_config.json"
}
