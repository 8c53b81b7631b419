/* Runs the signature `sample` of an export for one row, and writes the image's bytes to standard output.
 *
 *   run_sample FOLDER SEED_OP TEMPERATURE_OP OUTPUT_OP SEED_A SEED_B TEMPERATURE
 *
 * The names of the operations are those of the signature (saved_model_cli shows them). */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

static void check(TF_Status* status) {
  if (TF_GetCode(status) == TF_OK) return;
  fprintf(stderr, "%s\n", TF_Message(status));
  exit(1);
}

static TF_Tensor* tensor(TF_DataType type, const int64_t* shape, int rank, const void* data, size_t size) {
  TF_Tensor* made = TF_AllocateTensor(type, shape, rank, size);
  memcpy(TF_TensorData(made), data, size);
  return made;
}

static TF_Output place(TF_Graph* graph, const char* operation) {
  TF_Output output = {TF_GraphOperationByName(graph, operation), 0};
  if (output.oper) return output;
  fprintf(stderr, "no operation %s\n", operation);
  exit(1);
}

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  const char* tags[] = {"serve"};
  TF_Session* session = TF_LoadSessionFromSavedModel(TF_NewSessionOptions(), NULL, argv[1], tags, 1, graph,
                                                     NULL, status);
  check(status);

  const int32_t seed[] = {atoi(argv[5]), atoi(argv[6])};
  const float temperature[] = {strtof(argv[7], NULL)};
  const int64_t one_by_two[] = {1, 2}, one[] = {1};
  TF_Tensor* inputs[] = {tensor(TF_INT32, one_by_two, 2, seed, sizeof seed),
                         tensor(TF_FLOAT, one, 1, temperature, sizeof temperature)};
  TF_Output feeds[] = {place(graph, argv[2]), place(graph, argv[3])}, fetch = place(graph, argv[4]);
  TF_Tensor* image = NULL;
  TF_SessionRun(session, NULL, feeds, inputs, 2, &fetch, &image, 1, NULL, 0, NULL, status);
  check(status);
  fwrite(TF_TensorData(image), 1, TF_TensorByteSize(image), stdout);
  return 0;
}
