// What the page uses of LangChain.js, and nothing more: frontend/langchain_client.js names the same things.
export { ChatOpenAICompletions } from "@langchain/openai"
export { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages"
